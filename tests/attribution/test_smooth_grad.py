"""SmoothGrad against plain and averaged gradients."""

import numpy as np
import pytest
from conftest import random_images
from conftest import tiny_classifier
from patch_classifier import patch_classifier
from patch_classifier import pixels

from keras_explainer.attribution import SmoothGrad

pytestmark = pytest.mark.usefixtures("eager")


def test_the_gradient_of_a_linear_classifier_is_its_weights_whatever_the_noise():
    weights = np.random.default_rng(1).normal(size=(4, 4, 2))
    expected = np.abs(pixels(weights[..., 0]))
    maps = SmoothGrad(patch_classifier(weights), samples=4).explain(
        random_images(1, size=16, channels=1), targets=0
    )
    np.testing.assert_allclose(maps[0], expected / expected.max(), atol=1e-5)


def test_without_noise_it_is_the_gradient():
    classifier, images = tiny_classifier(), random_images(2)
    method = SmoothGrad(classifier, samples=2, noise=0)
    gradients = method.gradients(images, np.array([1, 1])).numpy()
    expected = np.abs(gradients).max(axis=-1)
    expected /= expected.max(axis=(1, 2), keepdims=True)
    np.testing.assert_allclose(method.explain(images, 1), expected, atol=1e-5)


def test_noise_is_a_share_of_each_images_range():
    """Images twice as strong get noise twice as strong."""
    seen = []
    method = SmoothGrad(tiny_classifier(), samples=60, noise=0.2)

    def record(images, classes):
        seen.append(np.asarray(images))
        return images

    method.gradients = record
    images = random_images(2)
    images[1] = 2 * images[0]
    method.class_maps(images, np.array([0, 0]))
    noise = np.stack(seen) - images
    span = np.ptp(images[0])
    np.testing.assert_allclose(noise[:, 0].std(), 0.2 * span, rtol=0.01)
    np.testing.assert_allclose(noise[:, 1], 2 * noise[:, 0], atol=1e-5)
    assert abs(noise.mean()) < 0.01 and np.abs(noise[0] - noise[1]).max() > 0.1
