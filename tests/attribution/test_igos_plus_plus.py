"""iGOS++: the patch that a classifier sees, its scores and penalties by hand."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from conftest import random_images
from conftest import tiny_classifier
from keras import layers
from patch_classifier import one_patch
from patch_classifier import patch_classifier

from keras_explainer.attribution import IGOSPlusPlus
from keras_explainer.image_operations.gaussian_blur import gaussian_blur

pytestmark = pytest.mark.slow  # many traces, or a server


def test_the_patch_that_counts_is_found():
    image = np.zeros((1, 16, 16, 1), "float32")
    image[:, 4:8, 8:12] = image[:, 12:, :4] = 4
    # Sharp enough that the patch decides, and not saturated.
    classifier = patch_classifier(one_patch(1, 2, weight=1.0))
    found = IGOSPlusPlus(classifier, size=8, iterations=6, steps=4).explain(image, 0)[0]
    inside = np.zeros((16, 16), bool)
    inside[4:8, 8:12] = True
    assert found[inside].mean() > 0.5 and found[~inside].mean() < 0.1
    # The other bright patch is nothing to the class.
    assert found[12:, :4].max() < 0.1


def test_scores_are_deletion_less_insertion_of_both_masks_and_their_product(eager):
    classifier, images = tiny_classifier(), tf.constant(random_images(2))
    method = IGOSPlusPlus(classifier, size=32)
    blurred, noise = 0.1 * images, 0.05
    random = np.random.default_rng(1)
    masks = random.uniform(size=(2, 2, 32, 32)).astype("float32")
    classes = np.array([0, 2])

    def probability(mask):
        shown = images * mask[..., None] + blurred * (1 - mask[..., None]) + noise
        return classifier(shown).numpy()[range(2), classes]

    share = 0.6
    deletion, insertion = masks
    product = deletion * insertion
    expected = (
        probability(share * deletion)
        - probability(1 - share * insertion)
        + probability(share * product)
        - probability(1 - share * product)
    )
    found = method._scores(
        images, blurred, tf.constant(classes), tf.constant(masks), share, noise
    )
    np.testing.assert_allclose(found, expected, atol=1e-5)


def test_penalties_by_hand(eager):
    """A step of the product costs where the image is flat, and little at its edge."""
    method = IGOSPlusPlus(tiny_classifier(size=32, channels=1), size=4)
    image = np.zeros((2, 4, 4, 1), "float32")
    image[1, :, 2:] = 1
    masks = np.ones((2, 2, 4, 4), "float32")
    masks[0, :, :, 2:], masks[1, :, :, 2:] = 0.5, 0.5
    size = 0.75 / 2
    flat = 20 * 0.75**2 * 4 / 12
    edge = np.exp(-4) * flat  # Of two standard deviations.
    found = method._penalties(tf.constant(image), tf.constant(masks))
    np.testing.assert_allclose(found, [size + flat, size + edge], rtol=1e-5)


def photograph():
    """Neighbouring cells of 2 pixels differ as in photographs: variance 0.055."""
    noise = np.random.default_rng(0).normal(size=(1, 32, 32, 1))
    return gaussian_blur(noise.astype("float32"), 6.0)


def test_masks_are_smooth_on_photographs(eager):
    """A chessboard costs most of what it costs where the image is flat."""
    method = IGOSPlusPlus(tiny_classifier(size=32, channels=1), size=16)
    board = np.indices((16, 16)).sum(axis=0) % 2
    masks = tf.cast(tf.broadcast_to(board, (2, 1, 16, 16)), "float32")
    flat = method._penalties(tf.zeros((1, 32, 32, 1)), masks) - 1 / 2
    np.testing.assert_allclose(flat, [40], rtol=1e-5)
    assert method._penalties(photograph(), masks) - 1 / 2 > 0.8 * flat


def test_a_quarter_of_the_image_is_shown_and_little_else():
    """One in two cells of a square counts, and the square is shown."""
    image, inside = photograph(), np.zeros((16, 16), bool)
    inside[4:12, 4:12] = True
    counted = inside & (np.random.default_rng(1).uniform(size=(16, 16)) < 0.5)
    blurred = gaussian_blur(image, 50.0, 25)[0, ..., 0].numpy()
    difference = image[0, ..., 0].numpy() - blurred
    weights = np.kron(counted, np.ones((2, 2))) * np.sign(difference)
    # Logits are 3 for the image and -3 for the blurred one.
    weights *= 6 / np.sum(weights * difference)
    classifier = keras.Sequential(
        [keras.Input((32, 32, 1)), layers.Flatten(), layers.Dense(1, "sigmoid")]
    )
    bias = -3 - np.sum(weights * blurred)
    classifier.set_weights([weights.reshape(-1, 1), bias[None]])
    found = IGOSPlusPlus(classifier, size=16, steps=4, seed=0).explain(image, 1)[0]
    cells = found.reshape(16, 2, 16, 2).mean(axis=(1, 3))
    assert cells[counted].mean() > 0.5 and cells[inside & ~counted].mean() > 0.25
    assert cells[~inside].mean() < 0.2


@pytest.mark.parametrize("iterations, steps", [(20, 15), (2, 3)])
def test_passes(iterations, steps):
    method = IGOSPlusPlus(tiny_classifier(), iterations=iterations, steps=steps)
    assert method.classifier_passes == iterations * 4 * (steps + 9)


def test_each_step_lowers_the_loss():
    images = np.zeros((2, 16, 16, 1), "float32")
    images[0, 4:8, 8:12] = images[1, :8, 8:12] = 4
    method = IGOSPlusPlus(
        patch_classifier(one_patch(1, 2, weight=1.0)), size=8, steps=4, noise=0
    )
    blurred, classes = tf.zeros_like(images), tf.zeros(2, "int32")
    masks = tf.ones((2, 2, 8, 8))
    losses = []
    for iteration in range(3):
        scores = method._scores(images, blurred, classes, masks, 1.0, 0.0)
        losses.append((scores + method._penalties(images, masks)).numpy())
        masks = method._descend(images, blurred, classes, masks, tf.constant(iteration))
    assert (np.diff(losses, axis=0) <= 1e-6).all()
    assert (losses[-1] < losses[0] - 0.01).all()
