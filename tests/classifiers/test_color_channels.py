"""Grey, RGB and RGBA pixels for classifiers of any of them."""

import keras
import numpy as np
import pytest
from conftest import tiny_classifier
from PIL import Image

from keras_explainer.classifiers import LayerGraph
from keras_explainer.classifiers import Preprocessing
from keras_explainer.classifiers.color_channels import with_channels

COLORS = np.random.default_rng(0).integers(0, 256, (1, 4, 4, 4)).astype("uint8")
RGB = COLORS[..., :3].astype("float32")


def as_pillow(mode):
    return np.asarray(Image.fromarray(COLORS[0, ..., :3]).convert(mode), "float32")


def test_colors_become_grey_as_in_pillow():
    np.testing.assert_allclose(
        with_channels(RGB, 1)[0, ..., 0], as_pillow("L"), atol=0.501
    )
    grey = np.full((1, 2, 2, 1), 77.0, "float32")
    np.testing.assert_allclose(
        with_channels(with_channels(grey, 3), 1), grey, atol=1e-4
    )
    tensor = with_channels(keras.ops.convert_to_tensor(RGB), 1)
    np.testing.assert_allclose(tensor, with_channels(RGB, 1))


def test_transparency_is_laid_over_white_and_added_opaque():
    white = Image.new("RGBA", (4, 4), "white")
    over = Image.alpha_composite(white, Image.fromarray(COLORS[0], "RGBA"))
    expected = np.asarray(over.convert("RGB"), "float32")
    found = with_channels(COLORS.astype("float32"), 3)[0]
    np.testing.assert_allclose(found, expected, atol=1.01)
    np.testing.assert_array_equal(
        with_channels(RGB, 4), np.pad(RGB, [(0, 0)] * 3 + [(0, 1)], constant_values=255)
    )


@pytest.mark.parametrize("channels", [1, 3, 4])
def test_preprocessing_takes_all_of_them(channels):
    graph = LayerGraph(tiny_classifier(channels=channels))
    preprocessing = Preprocessing("-1..1", graph)
    assert preprocessing.input_range == pytest.approx((-1, 1))
    for found in (1, 3, 4):
        images = COLORS[..., :found].astype("float32")
        ready = preprocessing(images)
        expected = with_channels(images, channels) / 127.5 - 1
        np.testing.assert_allclose(ready, expected, atol=1e-5)
    shown = preprocessing.restore(preprocessing(RGB))
    expected = with_channels(RGB, channels)[..., :3]
    np.testing.assert_allclose(shown, expected, atol=1e-3)


def test_levels_of_16_bits_and_floats_that_end_at_1():
    preprocessing = Preprocessing("0..1", LayerGraph(tiny_classifier()))
    levels = np.full((1, 2, 2, 3), 65535, "uint16")
    np.testing.assert_allclose(preprocessing(levels), 1.0, rtol=1e-6)
    with pytest.warns(UserWarning, match="raw pixels from 0 to 255 .*up to 0.9"):
        preprocessing(np.linspace(0, 0.9, 12, dtype="float32").reshape(1, 2, 2, 3))
