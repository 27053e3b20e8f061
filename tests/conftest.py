"""Tiny classifiers and images that the tests share."""

import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import gc
import pathlib

import keras
import numpy as np
import pytest
import tensorflow as tf
import trained
from keras import layers

SHARED = pathlib.Path(__file__).parents[2] / "shared" / "data"
needs_shared = pytest.mark.skipif(
    not SHARED.exists(), reason="the measuring data of ../shared is not here"
)


def pytest_collection_finish():
    gc.freeze()  # What all modules have made is not looked through again and again.


@pytest.fixture(autouse=True)
def seed():
    keras.utils.set_random_seed(0)


@pytest.fixture(scope="session")
def run_folder(tmp_path_factory):
    """The folder that all processes of a run of the tests share."""
    folder = tmp_path_factory.getbasetemp()
    return folder.parent if "PYTEST_XDIST_WORKER" in os.environ else folder


@pytest.fixture(scope="session")
def trained_classifier(run_folder):
    """A function from a kind of `trained.KINDS` to its classifier, a new copy."""

    def load(kind="softmax"):
        path = run_folder / f"{kind.replace(' ', '_')}.keras"
        return trained.once_per_run(path, lambda: trained.train(kind))

    return load


@pytest.fixture(scope="session")
def trained_explainer(run_folder, trained_classifier):
    """A function from a name of `trained.EXPLAINERS` to that explainer, a new copy."""

    def load(name="explainer"):
        return trained.once_per_run(
            run_folder / f"explainer_{name}.keras",
            lambda: trained.train_explainer(name, trained_classifier()),
        )

    return load


@pytest.fixture
def eager():
    """Runs steps without tracing them: the same values, sooner for tiny models."""
    tf.config.run_functions_eagerly(True)
    yield
    tf.config.run_functions_eagerly(False)


def tiny_classifier(
    classes=3,
    activation="softmax",
    size=32,
    channels=3,
    head="pool",
    name="tiny",
):
    """A classifier of three strided convolutions, with batch normalisation."""
    images = keras.Input((size, size, channels))
    x = images
    for filters in (4, 6, 8):
        x = layers.Conv2D(filters, 3, strides=2, padding="same", use_bias=False)(x)
        x = layers.BatchNormalization()(x)
        x = layers.ReLU()(x)
    x = layers.GlobalAveragePooling2D()(x) if head == "pool" else layers.Flatten()(x)
    x = layers.Dropout(0.5)(x)
    x = layers.Dense(classes, activation=activation)(x)
    return calibrated(keras.Model(images, x, name=name))


def calibrated(classifier, batch=4):
    """Sets the batch statistics from one batch, so that activations do not vanish."""
    shape = [batch, *(size or 64 for size in classifier.input_shape[1:])]
    images = np.random.default_rng(0).uniform(-1, 1, shape).astype("float32")
    normalizations = [
        layer
        for layer in classifier._flatten_layers()
        if isinstance(layer, layers.BatchNormalization)
    ]
    momenta = [layer.momentum for layer in normalizations]
    for layer in normalizations:
        layer.momentum = 0.0
    classifier(images, training=True)
    for layer, momentum in zip(normalizations, momenta):
        layer.momentum = momentum
    return classifier


def random_images(count=4, size=32, channels=3, seed=0):
    shape = (count, size, size, channels)
    return np.random.default_rng(seed).uniform(-1, 1, shape).astype("float32")


def indices(count=8, classes=3, seed=0):
    """Labels, one for each image."""
    return np.random.default_rng(seed).integers(0, classes, count)


def rows(count=8, classes=3, seed=0):
    """Labels, any number for each image, as rows of 0 and 1."""
    return (
        np.random.default_rng(seed).integers(0, 2, (count, classes)).astype("float32")
    )


def snapshot(model):
    """Everything that must not change in a classifier."""
    return (
        [np.array(w) for w in model.get_weights()],
        [layer.trainable for layer in model._flatten_layers()],
    )


def assert_unchanged(model, before):
    weights, trainable = before
    for old, new in zip(weights, model.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)
    assert [layer.trainable for layer in model._flatten_layers()] == trainable
