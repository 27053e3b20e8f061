"""RISE: its masks, its expectation for a linear classifier, its named settings."""

import numpy as np
import pytest
import tensorflow as tf
from conftest import random_images
from conftest import tiny_classifier
from patch_classifier import one_patch
from patch_classifier import patch_classifier
from patch_classifier import pixels

from keras_explainer.attribution import RISE


def interpolation(shift, size, cells, border):
    """Bilinear weights (size, cells) of one axis, pixel by pixel."""
    weights = np.zeros((size, cells))
    for pixel in range(size):
        place = (pixel + 0.5) * cells / size + shift
        if border == "stretch":
            place = place * cells / (cells + 1)
        elif place > cells:
            place = 2 * cells - place
        place = min(max(place - 0.5, 0), cells - 1)
        left = min(int(place), cells - 2)
        weights[pixel, left : left + 2] = 1 - (place - left), place - left
    return weights


@pytest.mark.parametrize("border", ["stretch", "reflect"])
def test_masks_are_enlarged_shifted_grids(border, eager):
    method = RISE(tiny_classifier(), num_masks=6, cells=5, keep=0.4, border=border)
    cells, shifts = method.grids()
    masks = method.masks(cells, shifts, 32, 24).numpy()
    for mask, grid, (down, right) in zip(masks, cells.numpy(), shifts.numpy()):
        expected = (
            interpolation(down, 32, 5, border)
            @ grid
            @ interpolation(right, 24, 5, border).T
        )
        np.testing.assert_allclose(mask, expected, atol=1e-5)


def test_as_many_cells_are_kept_as_asked_for(eager):
    cells, shifts = RISE(tiny_classifier(), num_masks=2000, keep=0.1).grids()
    assert set(np.unique(cells)) == {0, 1}
    assert abs(np.mean(cells) - 0.1) < 0.004
    assert np.min(shifts) >= 0 and np.max(shifts) < 1 and np.std(shifts) > 0.28


@pytest.mark.parametrize("score", ["probability", "sigmoid"])
def test_the_map_is_the_mean_of_masks_weighted_by_scores(score, eager):
    classifier, images = tiny_classifier(), random_images(2)
    method = RISE(
        classifier, num_masks=10, cells=4, keep=0.3, score=score, background=0.2
    )
    masks = method.masks(*method.grids(), 32, 32).numpy()
    for image in range(2):
        masked = 0.2 + masks[..., None] * (images[image] - 0.2)
        logits = method.logits(masked.astype("float32"))
        weights = (tf.sigmoid if score == "sigmoid" else tf.nn.softmax)(logits)
        sums = np.einsum("mc,mhw->chw", weights.numpy(), masks) / (10 * 0.3)
        sums -= sums.min(axis=(1, 2), keepdims=True)
        expected = sums / sums.max(axis=(1, 2), keepdims=True)
        found = method.explain(images, [[1, 0, 1]] * 2, batch_size=4)[image]
        np.testing.assert_allclose(found, expected[[0, 2]].max(0), atol=1e-4)


@pytest.mark.parametrize("border", ["stretch", "reflect"])
def test_the_expectation_for_a_linear_classifier(border):
    """Of the score sum(w x), with cells kept at a rate p that blur as K, RISE is
    p sum(w x) + (1 - p) K w x: what the image scores, and where it does."""
    image, keep = np.ones((1, 16, 16, 1), "float32"), 0.4
    method = RISE(
        patch_classifier(one_patch(1, 2)),
        num_masks=100_000,
        cells=4,
        keep=keep,
        border=border,
        background=0,
        seed=0,
    )
    method.frozen.probabilities = lambda logits: logits
    found = method.pair_maps(image, np.array([0]), np.array([0]), 5000)
    shifts = (np.arange(100) + 0.5) / 100
    weights = [interpolation(shift, 16, 4, border) for shift in shifts]
    blur = np.mean([w @ w.T for w in weights], axis=0)
    scores = pixels(one_patch(1, 2)[..., 0]) / 16
    expected = keep * scores.sum() + (1 - keep) * blur @ scores @ blur.T
    np.testing.assert_allclose(found[0], expected, rtol=0.03)
    stretched = (expected - expected.min()) / np.ptp(expected)
    np.testing.assert_allclose(method.scaled(found)[0], stretched, atol=0.05)


def test_named_settings():
    classifier = tiny_classifier()
    default, original = RISE(classifier), RISE.original(classifier)
    torchray = RISE.torchray(classifier, num_masks=10)
    assert (default.num_masks, default.cells, default.keep) == (8000, 7, 0.5)
    assert (original.num_masks, original.cells, original.keep) == (6000, 8, 0.1)
    assert (torchray.border, torchray.score, torchray.cells) == (
        "reflect",
        "sigmoid",
        7,
    )
    assert torchray.classifier_passes == 10 and default.classifier_passes == 8000


def test_all_targets_of_an_image_share_the_passes(eager):
    method = RISE(tiny_classifier(), num_masks=10)
    passes = []
    inner = method._logits
    method._logits = lambda images: passes.append(len(images)) or inner(images)
    method.explain(random_images(2), targets=[[1, 1, 1], [1, 0, 0]], batch_size=5)
    assert passes == [5, 5, 5, 5]
