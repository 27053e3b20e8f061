"""Guided backpropagation against a computation by hand."""

import keras
import numpy as np
import pytest
from conftest import random_images
from keras import layers

from keras_explainer.attribution import GuidedBackprop


def two_layers(kind):
    """Two 1x1 convolutions, each with a ReLU, summed up over the image."""

    def convolution(x, filters):
        activation = kind if isinstance(kind, str) else None
        x = layers.Conv2D(filters, 1, use_bias=False, activation=activation)(x)
        return x if activation else kind()(x)

    images = keras.Input((4, 4, 2))
    x = convolution(convolution(images, 3), 2)
    x = layers.GlobalAveragePooling2D()(x)
    return keras.Model(images, layers.Dense(2, activation="softmax")(x))


class Function(layers.Layer):
    """`keras.ops.relu` called in a functional model."""

    def __new__(cls):
        return keras.ops.relu


def rectify(x):
    return np.maximum(x, 0)


@pytest.mark.parametrize(
    "kind",
    [
        "relu",
        "relu6",
        layers.ReLU,
        lambda: layers.ReLU(max_value=6),
        lambda: layers.Activation("relu"),
        Function,
    ],
)
def test_by_hand(kind, eager):
    classifier = two_layers(kind)
    images = random_images(2, size=4, channels=2)
    first, second, dense, bias = classifier.get_weights()
    first, second = first[0, 0], second[0, 0]
    x1 = images @ first
    x2 = rectify(x1) @ second
    from_head = np.broadcast_to(dense[:, 1] / 16, x2.shape)
    into_second = rectify(from_head) * (x2 > 0)
    into_first = rectify(into_second @ second.T) * (x1 > 0)
    expected = np.abs(into_first @ first.T).max(axis=-1)
    ordinary = (((from_head * (x2 > 0)) @ second.T) * (x1 > 0)) @ first.T
    assert not np.allclose(into_first @ first.T, ordinary)
    maps = GuidedBackprop(classifier).class_maps(images, np.array([1, 1])).numpy()
    np.testing.assert_allclose(maps, expected, atol=1e-6)


def test_the_classifier_keeps_its_gradient():
    import tensorflow as tf

    classifier = two_layers("relu")
    images = tf.constant(random_images(1, size=4, channels=2))

    def gradient():
        with tf.GradientTape() as tape:
            tape.watch(images)
            score = tf.reduce_sum(classifier(images)[:, 0])
        return tape.gradient(score, images).numpy()

    before = gradient()
    GuidedBackprop(classifier).explain(images, targets=0)
    np.testing.assert_array_equal(gradient(), before)


@pytest.mark.parametrize("kind", ["gelu", lambda: layers.LeakyReLU(0.1)])
def test_a_classifier_without_relu_is_refused(kind):
    with pytest.raises(ValueError, match="hold ReLU activations. Received: "):
        GuidedBackprop(two_layers(kind))
