"""Gaussian blur by hand."""

import numpy as np
import pytest
import tensorflow as tf

from keras_explainer.image_operations.gaussian_blur import gaussian_blur


def test_a_point_becomes_a_gaussian_in_its_channel_only():
    image = np.zeros((1, 31, 41, 2), "float32")
    image[0, 15, 20, 1] = 1
    found = gaussian_blur(tf.constant(image), 2.0).numpy()[0]
    down, right = np.mgrid[-15:16, -20:21]
    expected = np.exp(-(down**2 + right**2) / 8)
    np.testing.assert_allclose(found[..., 1], expected / expected.sum(), atol=1e-6)
    assert not found[..., 0].any()


@pytest.mark.parametrize("sigma, radius", [(50.0, 3), (2.0, None), (0, None)])
def test_a_plain_image_stays_as_it_is(sigma, radius):
    image = tf.fill((1, 9, 9, 1), 0.7)
    np.testing.assert_allclose(gaussian_blur(image, sigma, radius), image, rtol=1e-6)


def test_the_radius_cuts_off():
    image = np.zeros((1, 1, 9, 1), "float32")
    image[0, 0, 4] = 1
    found = gaussian_blur(tf.constant(image), 1e3, radius=1).numpy()[0, 0, :, 0]
    np.testing.assert_allclose(
        found, [0, 0, 0, 1 / 3, 1 / 3, 1 / 3, 0, 0, 0], atol=1e-5
    )
