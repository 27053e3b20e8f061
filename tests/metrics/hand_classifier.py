"""A classifier whose every answer is known by hand, and one for plain loops."""

import keras
import numpy as np
from conftest import tiny_classifier
from keras import layers


def patch_classifier(size=4, activation="softmax"):
    """Scores 1 x the pixels of the upper left quarter for class 0, 0 for class 1."""
    weights = np.zeros((size, size, 1, 2), "float32")
    weights[: size // 2, : size // 2, 0, 0] = 1
    images = keras.Input((size, size, 1))
    convolution = layers.Conv2D(1, 1, use_bias=False)
    x = layers.Flatten()(convolution(images))
    dense = layers.Dense(2, activation=activation, use_bias=False)
    classifier = keras.Model(images, dense(x))
    convolution.set_weights([np.ones((1, 1, 1, 1), "float32")])
    dense.set_weights([weights.reshape(-1, 2)])
    return classifier


def spread_classifier():
    """A tiny classifier whose logits differ more than the calibrated ones."""
    keras.utils.set_random_seed(0)
    classifier = tiny_classifier()
    dense = classifier.layers[-1]
    dense.set_weights([6 * w for w in dense.get_weights()])
    return classifier


def random_maps(count=4, size=32, seed=1):
    random = np.random.default_rng(seed)
    # Two decimals, so that there are ties.
    return random.uniform(size=(count, size, size)).round(2).astype("float32")


def predict(classifier, image):
    return np.asarray(classifier(image[None], training=False))[0]


def sigmoid(value):
    return 1 / (1 + np.exp(-np.asarray(value, "float64")))


# Ones, and the map that has the four pixels that count, in order.
ONES = np.ones((1, 4, 4, 1), "float32")
PATCH = np.zeros((1, 4, 4), "float32")
PATCH[0, :2, :2] = [[1.0, 0.9], [0.8, 0.7]]
COLOR = np.float32([0.1, -0.2, 0.3])
