"""Classifiers that take more than an image, trained in seconds, and their data.

The class is the colour of a patch, moved on by one where a table says so
(`with_table`), or where another picture shows red (`of_two_views`).
"""

import keras
import numpy as np
import trained
from keras import layers

import keras_explainer as kx


def with_table(count, seed=0):
    """Draws pictures with a patch, tables (N, 2), labels (N,) and true masks.

    The first column of a table says which colours count, the second says nothing.
    """
    images, colors, truth = trained.patches(count, seed=seed)
    draw = np.random.default_rng(seed + 1)
    table = draw.normal(size=(count, 2)).astype("float32")
    table[:, 0] = draw.integers(0, 2, count)
    labels = (colors + table[:, 0].astype(int)) % 3
    return {"image": images, "table": table}, labels, truth.max(axis=-1)


def of_two_views(count, seed=0):
    """Draws pairs of pictures, labels (N,) and the true masks of the right one."""
    left, left_colors, _ = trained.patches(count, seed=seed)
    right, right_colors, truth = trained.patches(count, seed=seed + 1000)
    labels = (right_colors + (left_colors == 0)) % 3
    return {"left": left, "right": right}, labels, truth.max(axis=-1)


# The input that is explained of each.
IMAGE_INPUTS = {with_table: "image", of_two_views: "right"}


def _pooled(x):
    for filters, stride in ((8, 2), (16, 2), (16, 1)):
        x = layers.Conv2D(
            filters, 3, stride, padding="same", kernel_initializer="he_normal"
        )(x)
        x = layers.ReLU()(x)
    return layers.GlobalAveragePooling2D()(x)


def build(data):
    """An untrained classifier of what a function above draws, with inputs by name."""
    shape = (trained.SIZE, trained.SIZE, 3)
    if data is with_table:
        inputs = {
            "image": keras.Input(shape, name="image"),
            "table": keras.Input((2,), name="table"),
        }
        condition = layers.Dense(4)(inputs["table"])
    else:
        inputs = {name: keras.Input(shape, name=name) for name in ("left", "right")}
        condition = layers.Dense(4)(_pooled(inputs["left"]))
    # Products, so that what one input says of the other is linear in either.
    vector = _pooled(inputs[IMAGE_INPUTS[data]])
    pairs = layers.Dot(axes=2)([vector[..., None], condition[..., None]])
    answer = layers.Dense(3, "softmax")(layers.Flatten()(pairs))
    return keras.Model(inputs, answer, name=data.__name__)


def train(data):
    """Trains a classifier, with empty pictures in between that have no answer."""
    keras.utils.set_random_seed(0)
    classifier = build(data)
    inputs, labels, _ = data(1152, seed=100)
    rows = keras.utils.to_categorical(labels, 3)
    rows[:256] = 1 / 3
    explained = IMAGE_INPUTS[data]
    empty = np.random.default_rng(1).standard_normal(inputs[explained][:256].shape)
    inputs[explained][:256] = 0.5 + 0.05 * empty
    classifier.compile(keras.optimizers.Adam(0.01), "categorical_crossentropy")
    classifier.fit(inputs, rows, batch_size=64, epochs=40, verbose=0)
    return classifier


def train_explainer(data, classifier):
    keras.utils.set_random_seed(0)
    explainer = kx.ExplainerModel(classifier, image_input=IMAGE_INPUTS[data])
    inputs, labels, _ = data(256, seed=7)
    explainer.fit(inputs, labels, batch_size=32, epochs=10, verbose=0)
    return explainer
