"""Resizing of our own, which XLA compiles, against TensorFlow's."""

import numpy as np
import pytest
import tensorflow as tf

from keras_explainer.image_operations.resize import resize_antialiased
from keras_explainer.image_operations.resize import resize_nearest

MAPS = np.random.default_rng(0).normal(size=(2, 12, 9, 3)).astype("float32")


@pytest.mark.parametrize("size", [(6, 3), (5, 4), (12, 9)])
def test_antialiased(size):
    expected = tf.image.resize(MAPS, size, antialias=True)
    np.testing.assert_allclose(resize_antialiased(MAPS, size), expected, atol=1e-5)


@pytest.mark.parametrize("size", [(24, 18), (31, 50), (12, 9)])
def test_nearest(size):
    expected = tf.image.resize(MAPS, size, "nearest")
    np.testing.assert_array_equal(resize_nearest(MAPS, size), expected)


def test_open_sizes():
    @tf.function(input_signature=[tf.TensorSpec((None, None, None, 3))])
    def both(maps):
        size = tuple(tf.unstack(tf.shape(maps)[1:3] * 2))
        return resize_nearest(maps, size), resize_antialiased(maps, (4, 3))

    nearest, antialiased = both(MAPS)
    np.testing.assert_array_equal(nearest, tf.image.resize(MAPS, (24, 18), "nearest"))
    expected = tf.image.resize(MAPS, (4, 3), antialias=True)
    np.testing.assert_allclose(antialiased, expected, atol=1e-5)
