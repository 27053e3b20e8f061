"""TensorFlow: draws that depend on a seed alone."""

import tensorflow as tf

from keras_explainer.backend import replicas


def step_number(seed, step):
    """Returns the number on which alone the draws of a step depend.

    Args:
        seed: int tensor (), of the training.
        step: int tensor (), the number of the step.
    """
    return tf.bitwise.left_shift(tf.cast(seed, "int64"), 32) + tf.cast(step, "int64")


def uniform(shape, seed, low=0.0, high=1.0):
    """Draws evenly from low to high.

    Args:
        shape: Tuple.
        seed: Pair of a number, such as that of a step, and an int.
        low: float.
        high: float.
    """
    return tf.random.stateless_uniform(shape, seed, low, high)


def normal(shape, seed):
    """Draws from a normal distribution of mean 0 and deviation 1.

    Args:
        shape: Tuple.
        seed: As for `uniform`.
    """
    return tf.random.stateless_normal(shape, seed)


def uniform_per_image(shape, seed, low=0.0, high=1.0):
    """As `uniform`, for the images of a step, which come first in the shape.

    Devices that share a step draw for all of its images, and take their own.
    """
    return replicas.drawn_per_image(tf.random.stateless_uniform, shape, seed, low, high)


def normal_per_image(shape, seed):
    """As `normal`, for the images of a step, which come first in the shape."""
    return replicas.drawn_per_image(tf.random.stateless_normal, shape, seed)
