"""Integrated gradients: closed form of a linear classifier, and completeness."""

import numpy as np
import pytest
import tensorflow as tf
from conftest import random_images
from conftest import tiny_classifier
from patch_classifier import patch_classifier
from patch_classifier import pixels

from keras_explainer.attribution import IntegratedGradients
from keras_explainer.image_operations.gaussian_blur import gaussian_blur


def attributions(method, images, classes):
    return method.class_maps(tf.constant(images), tf.constant(classes)).numpy()


@pytest.mark.parametrize(
    "background, color", [(0.0, 0.0), (0.25, 0.25), ("mean", None)]
)
def test_a_linear_classifier_is_explained_exactly_by_one_step(background, color, eager):
    weights = np.random.default_rng(1).normal(size=(4, 4, 2))
    images = random_images(2, size=16, channels=1)
    method = IntegratedGradients(
        patch_classifier(weights), steps=1, background=background
    )
    color = images.mean(axis=(1, 2, 3))[:, None, None] if color is None else color
    expected = (images[..., 0] - color) * pixels(weights[..., 1]) / 16
    found = attributions(method, images, [1, 1])
    np.testing.assert_allclose(found, expected, atol=1e-6)
    positive = np.maximum(expected, 0)
    positive /= positive.max(axis=(1, 2), keepdims=True)
    np.testing.assert_allclose(method.explain(images, 1), positive, atol=1e-5)


def test_a_strong_blur_is_of_a_tenth_of_the_shorter_side():
    images = tf.constant(random_images(2)[:, :20])
    method = IntegratedGradients(tiny_classifier(), background="strong_blur")
    np.testing.assert_array_equal(method.baseline(images), gaussian_blur(images, 2.0))


def test_the_blur_of_metrics_is_another_one():
    expected = 'should be "mean", "strong_blur", a number, or one .*Received: \'blur\''
    with pytest.raises(ValueError, match=expected):
        IntegratedGradients(tiny_classifier(), background="blur")


@pytest.mark.slow
@pytest.mark.parametrize("background", [0.1, "strong_blur"])
def test_attributions_sum_up_to_the_difference_of_logits(background):
    classifier, images = tiny_classifier(), random_images(3)
    method = IntegratedGradients(classifier, steps=300, background=background)
    classes = [0, 1, 2]
    baseline = np.broadcast_to(method.baseline(tf.constant(images)), images.shape)
    difference = method.logits(images).numpy() - method.logits(baseline).numpy()
    np.testing.assert_allclose(
        attributions(method, images, classes).sum(axis=(1, 2)),
        difference[range(3), classes],
        atol=0.01,
        rtol=0.01,
    )
    assert np.abs(difference).max() > 0.1
    assert method.classifier_passes == 300
