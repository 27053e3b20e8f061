"""Explainers that need no feature map of the classifier, for one without any."""

import functools

import keras
import numpy as np
import pytest
from conftest import random_images
from keras import layers

import keras_explainer as kx

SYSTEMS = {
    "L2XExplainer": functools.partial(kx.L2XExplainer, grid=4, selected=4),
    "RealTimeSaliencyExplainer": kx.RealTimeSaliencyExplainer,
    "DiscreteMaskExplainer": functools.partial(kx.DiscreteMaskExplainer, grid=4),
}


def without_a_map():
    images = keras.Input((16, 16, 3))
    x = layers.Dense(8, activation="relu")(layers.Flatten()(images))
    return keras.Model(images, layers.Dense(3, activation="softmax")(x))


@pytest.mark.slow
@pytest.mark.parametrize("name", SYSTEMS)
def test_a_small_encoder_is_trained_along(name, tmp_path, eager):
    classifier, images = without_a_map(), random_images(4, 16)
    explainer = SYSTEMS[name](classifier)
    before = [np.array(w) for w in explainer.own_encoder.get_weights()]
    assert {id(v) for v in explainer.own_encoder.trainable_variables} <= {
        id(v) for v in explainer.trainable_variables
    }
    weights = classifier.get_weights()
    explainer.fit(images, batch_size=2, verbose=0)
    after = explainer.own_encoder.get_weights()
    assert any(np.abs(a - b).max() > 0 for a, b in zip(after, before))
    for old, new in zip(weights, classifier.get_weights()):
        np.testing.assert_array_equal(old, new)
    explainer.save(tmp_path / "explainer.keras")
    loaded = keras.saving.load_model(tmp_path / "explainer.keras")
    np.testing.assert_allclose(
        loaded.explain(images, 1).masks, explainer.explain(images, 1).masks, atol=1e-5
    )


def test_a_classifier_with_maps_is_read_itself():
    images = keras.Input((16, 16, 3))
    x = layers.GlobalAveragePooling2D()(layers.Conv2D(4, 3, 2)(images))
    classifier = keras.Model(images, layers.Dense(3, activation="softmax")(x))
    assert kx.L2XExplainer(classifier).own_encoder is None
