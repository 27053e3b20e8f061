"""Extremal perturbations: the optimum of a linear classifier, masks and selection."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from conftest import random_images
from conftest import tiny_classifier
from keras import layers
from patch_classifier import one_patch
from patch_classifier import patch_classifier

from keras_explainer.attribution import ExtremalPerturbation

pytestmark = pytest.mark.slow  # many traces, or a server


def test_masks_are_the_smooth_maximum_of_what_is_around(eager):
    method = ExtremalPerturbation(tiny_classifier(), spacing=4, sigma=8)
    coarse = np.random.default_rng(0).uniform(size=(1, 1, 8, 8)).astype("float32")
    # At one pixel per cell nothing is enlarged.
    found = method.smooth_masks(tf.constant(coarse), (8, 8)).numpy()[0, 0]
    # Beyond the border, the parameters are reflected.
    around = np.pad(coarse[0, 0], 4, "symmetric")
    for row, column in ((4, 4), (0, 7)):
        values = []
        for down in range(-4, 5):
            for right in range(-4, 5):
                beyond = max(0, np.hypot(down, right) * 4 / 8 - 0.5)
                value = around[row + down + 4, column + right + 4]
                values.append(value * np.exp(-2 * beyond**2))
        values = np.array(values)
        weights = np.exp(20 * values)
        expected = (weights * values).sum() / weights.sum()
        np.testing.assert_allclose(found[row, column], expected, rtol=1e-5)


@pytest.mark.parametrize("spacing, sigma", [(4, 8), (1, 3), (7, 21), (16, 64)])
def test_an_even_mask_is_even_and_pulled_evenly_up_to_the_border(spacing, sigma, eager):
    """Were the border easier to keep, masks of an undecided class would lie there."""
    method = ExtremalPerturbation(
        tiny_classifier(), areas=[0.1], spacing=spacing, sigma=sigma
    )
    cells = -(-32 // spacing)
    coarse = tf.fill((1, 1, cells, cells), 0.5)
    with tf.GradientTape() as tape:
        tape.watch(coarse)
        masks = method.smooth_masks(coarse, (cells * spacing, cells * spacing))
    assert np.ptp(masks) < 1e-6 and masks.numpy().min() > 0.2
    gradient = tape.gradient(masks, coarse).numpy()
    np.testing.assert_allclose(gradient, gradient.mean(), rtol=1e-4)


def test_the_area_penalty_is_that_of_the_sorted_mask(eager):
    method = ExtremalPerturbation(tiny_classifier(), areas=(0.5, 0.25))
    np.testing.assert_array_equal(method.areas, [0.25, 0.5])
    masks = np.random.default_rng(0).uniform(size=(2, 2, 8, 8)).astype("float32")
    ideal = np.zeros((2, 64))
    ideal[0, 48:] = ideal[1, 32:] = 1
    expected = ((np.sort(masks.reshape(2, 2, 64)) - ideal) ** 2).mean(axis=-1)
    found = method._area_penalty(tf.constant(masks))
    np.testing.assert_allclose(found, expected, rtol=1e-5)


def test_the_area_penalty_of_equal_values_has_no_favourites(eager):
    method = ExtremalPerturbation(tiny_classifier(), areas=(0.25, 0.5))
    mask = np.zeros((1, 2, 8, 8), "float32")
    mask[:, :, 2:6, 2:6] = 1
    mask = tf.constant(mask)
    with tf.GradientTape() as tape:
        tape.watch(mask)
        penalty = method._area_penalty(mask)
    # A mask of its area is free; else the zeros share the area that is missing.
    np.testing.assert_allclose(penalty, [[0, 48 * (1 / 3) ** 2 / 64]], rtol=1e-5)
    gradient = tape.gradient(penalty, mask).numpy()[0]
    zeros = mask.numpy()[0, 1] == 0
    assert not gradient[0].any() and not gradient[1][~zeros].any()
    np.testing.assert_allclose(gradient[1][zeros], -2 / 3 / 64, rtol=1e-5)


def test_what_a_mask_hides_is_blurred(eager):
    from keras_explainer.image_operations.gaussian_blur import gaussian_blur

    images = tf.constant(random_images(1))
    method = ExtremalPerturbation(tiny_classifier(), areas=[0.1])
    levels = method.blur_pyramid(images)
    mask = np.ones((1, 1, 32, 32), "float32")
    mask[..., 16:, :], mask[..., :8, :] = 0, 3 / 7
    found = method._perturbed(levels, tf.constant(mask))
    blurred = gaussian_blur(images, 20.0)
    np.testing.assert_allclose(found[:, 16:], blurred[:, 16:], atol=1e-5)
    np.testing.assert_allclose(found[:, 8:16], images[:, 8:16], atol=1e-5)
    np.testing.assert_allclose(found[:, :8], levels[:, 3, :8], atol=1e-5)


def test_a_square_that_counts_gets_a_mask_of_its_area():
    """The sum of a square's pixels, light ones less dark ones, at published weights."""
    inside = np.zeros((32, 32), bool)
    inside[6:22, 10:26] = True
    board = np.kron(np.indices((16, 16)).sum(axis=0) % 2 * 2 - 1, np.ones((2, 2)))
    classifier = keras.Sequential(
        [keras.Input((32, 32, 1)), layers.Flatten(), layers.Dense(2)]
    )
    weights = (board * inside * 100 / inside.sum()).reshape(-1, 1)
    classifier.set_weights([weights * [1, 0], np.zeros(2)])
    method = ExtremalPerturbation(
        classifier, True, areas=[0.25], spacing=1, sigma=1, blur=1, flip=False
    )
    image = tf.constant(board[None, ..., None], "float32")
    found = method.explain(image, targets=0)
    shown = found[0] > 0.5
    assert abs(shown.mean() / 0.25 - 1) < 0.05
    assert (shown & inside).sum() / (shown | inside).sum() > 0.95
    kept = method._perturbed(method.blur_pyramid(image), tf.constant(found[None]))
    assert method.logits(kept)[0, 0] > 0.95 * method.logits(image)[0, 0]


@pytest.mark.parametrize("variant", ["preserve", "delete", "dual"])
def test_the_optimum_is_the_patch_that_counts(variant):
    """The only bright patch that the class sees is the best place for the area."""
    image = np.zeros((1, 16, 16, 1), "float32")
    image[:, 4:8, 8:12] = image[:, 12:, :4] = 4
    method = ExtremalPerturbation(
        patch_classifier(one_patch(1, 2, weight=20.0)),
        areas=[1 / 8],
        variant=variant,
        steps=150,
        spacing=1,
        sigma=2,
        blur=3,
        flip=False,
    )
    found = method.explain(image, targets=0)[0]
    inside = np.zeros((16, 16), bool)
    inside[4:8, 8:12] = True
    assert found[inside].mean() > 0.8 and found[~inside].mean() < 0.2
    top = np.zeros(256, bool)
    top[found.ravel().argsort()[-16:]] = True
    assert inside.ravel()[top].mean() > 0.6


@pytest.mark.parametrize("enough, expected", [(1, 1), (2, 2), (9, 2)])
def test_the_smallest_area_that_reaches_the_logit_is_selected(enough, expected, eager):
    method = ExtremalPerturbation(tiny_classifier(), areas=(0.1, 0.2, 0.3))
    masks = tf.reshape(tf.constant([0.1, 0.2, 0.3]), (1, 3, 1, 1))
    method.smooth_masks = lambda coarse, size: masks
    method._perturbed = lambda levels, masks: tf.constant([0.0, 1.0, 2.0])[:, None]
    # Class 1 gets the number of the area, and the image itself gets `enough`.
    method._logits = lambda values: tf.concat([0 * values, values, 9 + values], 1)
    levels = tf.fill((1, 1, 1), float(enough))
    found = method._select(levels, tf.constant([1]), None)
    np.testing.assert_allclose(found, masks[:, expected])


def test_contrast_is_with_the_highest_other_class(eager):
    method = ExtremalPerturbation(tiny_classifier(), areas=[0.1, 0.2], contrastive=True)
    method._logits = lambda values: values
    logits = tf.constant([[1.0, 4, 2], [7, 1, 3]])
    np.testing.assert_allclose(method._rewards(logits, tf.constant([1])), [2, -6])


def test_passes_of_the_defaults():
    assert ExtremalPerturbation(tiny_classifier()).classifier_passes == 4 * 801 + 1
    dual = ExtremalPerturbation(tiny_classifier(), variant="dual", areas=[0.1])
    assert dual.classifier_passes == 2 * 800 + 2
