"""Masks to bytes and back: known codes, and those of pycocotools."""

import io

import numpy as np
import pytest
from PIL import Image
from pycocotools import mask as coco

from keras_explainer.bulk.mask_encoding import compress
from keras_explainer.bulk.mask_encoding import decode_mask
from keras_explainer.bulk.mask_encoding import encode_mask
from keras_explainer.bulk.mask_encoding import run_lengths

RAMP = np.linspace(0, 1, 12, dtype="float32").reshape(3, 4)


def blobs(seed, height=37, width=53):
    """A mask with runs of all lengths, some longer than 32 and 1024 pixels."""
    random = np.random.default_rng(seed)
    coarse = random.uniform(size=(height, width)) < [0.02, 0.3, 0.98][seed % 3]
    return coarse.repeat(1 + 4 * (seed % 2), 0)


def test_known_run_lengths():
    assert run_lengths(np.array([[0, 1, 0], [0, 1, 1]], bool)) == [2, 2, 1, 1]
    assert run_lengths(np.ones((2, 2), bool)) == [0, 4]
    assert run_lengths(np.zeros((2, 2), bool)) == [4]


def test_run_lengths_are_those_of_pycocotools():
    for seed in range(6):
        inside = blobs(seed)
        expected = coco.encode(np.asfortranarray(inside.astype("uint8")))
        assert compress(run_lengths(inside)) == expected["counts"]
        mask = decode_mask(expected["counts"], "rle", *inside.shape)
        np.testing.assert_array_equal(mask, inside)


@pytest.mark.parametrize(("threshold", "least"), [(None, 0.5), (0.3, 0.3)])
def test_run_lengths_are_of_pixels_from_the_threshold(threshold, least):
    mask = decode_mask(encode_mask(RAMP, "rle", threshold), "rle", 3, 4)
    np.testing.assert_array_equal(mask, RAMP >= least)


def test_png_levels():
    code = encode_mask(RAMP, "png")
    levels = np.asarray(Image.open(io.BytesIO(code)))
    np.testing.assert_array_equal(levels, np.rint(255 * RAMP))
    np.testing.assert_allclose(decode_mask(code, "png", 3, 4), RAMP, atol=0.5 / 255)
    black_and_white = decode_mask(encode_mask(RAMP, "png", 0.3), "png", 3, 4)
    np.testing.assert_array_equal(black_and_white, RAMP >= 0.3)


def test_at_a_threshold_of_0_all_is_inside():
    mask = np.array([[0.0, 0.4], [0.6, 1.0]])
    for kind in ("png", "rle"):
        code = encode_mask(mask, kind, 0.0)
        np.testing.assert_array_equal(decode_mask(code, kind, 2, 2), 1)
