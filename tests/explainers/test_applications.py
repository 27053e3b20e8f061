"""Every constructor of `keras.applications`: wrap, explain; train, save, reload."""

import inspect

import keras
import numpy as np
import pytest
import tensorflow as tf
from conftest import assert_unchanged
from conftest import calibrated
from conftest import snapshot

import keras_explainer as kx

CONSTRUCTORS = sorted(
    name
    for name, value in vars(keras.applications).items()
    if inspect.isfunction(value) and not name.startswith("_")
)
# One of each family goes all the way; the others are made of the same layers.
FAMILIES = [
    "ConvNeXtTiny",
    "DenseNet121",
    "EfficientNetV2B0",
    "InceptionV3",
    "MobileNet",
    "MobileNetV2",
    "MobileNetV3Small",
    "NASNetMobile",
    "ResNet50V2",
    "VGG16",
    "Xception",
]
# Those that go all the way before a release.
KIN = ["EfficientNetB0", "InceptionResNetV2", "ResNet50"]
OPTIONS = {"MobileNet": {"alpha": 0.25}, "MobileNetV2": {"alpha": 0.35}}


def smallest_classifier(name):
    """Builds a classifier at the smallest input size that its constructor allows."""
    constructor = getattr(keras.applications, name)
    for size in (32, 64, 71, 75, 96, 224, 331):
        try:
            return constructor(
                weights=None,
                classes=4,
                input_shape=(size, size, 3),
                **OPTIONS.get(name, {}),
            )
        except ValueError as error:
            if "size" not in str(error) and "shape" not in str(error):
                raise
    raise AssertionError(f"{name} takes no size that was tried")


def test_families_are_constructors():
    assert {*FAMILIES, *KIN} <= set(CONSTRUCTORS)


@pytest.mark.slow
@pytest.mark.usefixtures("eager")
@pytest.mark.parametrize(
    "name",
    [
        pytest.param(name, marks=[] if name in FAMILIES else pytest.mark.thorough)
        for name in CONSTRUCTORS
    ],
)
def test_application(name, tmp_path):
    classifier = calibrated(smallest_classifier(name))
    size = classifier.input_shape[1]
    explainer = kx.ExplainerModel(classifier)
    low, high = explainer.preprocessing.input_range
    random = np.random.default_rng(0)
    images = random.uniform(low, high, (2, size, size, 3)).astype("float32")
    before = snapshot(classifier)
    answers = np.asarray(classifier(images, training=False))
    if name in FAMILIES + KIN:
        # The gradient of grouped convolutions: of traced steps, or with oneDNN only.
        tf.config.run_functions_eagerly(not name.startswith("ConvNeXt"))
        logs = explainer.train_on_batch(images, np.array([0, 3]), return_dict=True)
        assert np.isfinite(logs["loss"]) and logs["loss"] != 0
    explanation = explainer.explain(images, top_k=2)
    assert explanation.masks.shape == (2, size, size, 2)
    assert np.isfinite(explanation.masks).all()
    np.testing.assert_allclose(explanation.probabilities, answers, atol=1e-4)
    assert_unchanged(classifier, before)
    if name in FAMILIES + KIN:
        explainer.save(tmp_path / "explainer.keras")
        loaded = keras.saving.load_model(tmp_path / "explainer.keras")
        np.testing.assert_allclose(
            loaded.explain(images, top_k=2).masks, explanation.masks, atol=1e-6
        )
