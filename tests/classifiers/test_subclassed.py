"""Subclassed models, and subclassed parts of functional ones, are read as a graph."""

import keras
import numpy as np
import pytest
import trained
from conftest import assert_unchanged
from conftest import random_images
from conftest import snapshot
from keras import layers

import keras_explainer as kx
from keras_explainer.attribution import GradCAM
from keras_explainer.classifiers import FrozenClassifier

READ = "has a `call` of its own: it is read as"


@keras.saving.register_keras_serializable(package="tests")
class Stack(keras.Model):
    """The layers of a classifier, called one after the other."""

    def __init__(self, parts, **kwargs):
        super().__init__(**kwargs)
        self.parts = parts

    def call(self, x, training=False):
        for part in self.parts:
            x = part(x)
        return x

    def get_config(self):
        serialize = keras.saving.serialize_keras_object
        return {**super().get_config(), "parts": [serialize(x) for x in self.parts]}

    @classmethod
    def from_config(cls, config):
        parts = config.pop("parts")
        return cls([keras.saving.deserialize_keras_object(x) for x in parts], **config)


@pytest.fixture
def stack(trained_classifier):
    """A trained classifier as a subclassed model, and its functional twin."""
    twin = trained_classifier()
    return Stack(twin.layers[1:]), twin


def read(classifier):
    with pytest.warns(UserWarning, match=READ):
        return FrozenClassifier(classifier)


def test_a_subclassed_classifier_is_read_as_its_functional_twin(stack):
    model, twin = stack
    images, _, _ = trained.patches(4)
    model(images)
    before = snapshot(model)
    found, expected = read(model)(images), FrozenClassifier(twin)(images)
    assert found.keys() == expected.keys() == {"features", "evidence", "logits"}
    for one, other in zip(
        keras.tree.flatten(found), keras.tree.flatten(expected), strict=True
    ):
        np.testing.assert_allclose(one, other, atol=1e-5)
    with pytest.warns(UserWarning, match=READ):
        maps = GradCAM(model).explain(images, 0)
    np.testing.assert_allclose(maps, GradCAM(twin).explain(images, 0), atol=1e-4)
    assert_unchanged(model, before)


def test_an_explainer_of_a_subclassed_classifier_learns_and_is_saved(stack, tmp_path):
    model, twin = stack
    images, labels, truth = trained.patches(64)
    model(images)
    masks = []
    for classifier in (model, twin):
        keras.utils.set_random_seed(0)
        explainer = kx.ExplainerModel(classifier)
        explainer.fit(images, labels, batch_size=32, epochs=2, verbose=0)
        masks.append(explainer.explain(images, targets=labels).masks)
        explainer.save(tmp_path / f"{classifier.name}.keras")
    np.testing.assert_allclose(*masks, atol=1e-3)
    loaded = keras.saving.load_model(tmp_path / f"{model.name}.keras")
    again = loaded.explain(images, targets=labels).masks
    np.testing.assert_allclose(again, masks[0], atol=1e-5)


@pytest.mark.parametrize("depth", [1, 2])
def test_the_maps_of_a_backbone_that_hides_them_are_found(stack, depth):
    _, twin = stack
    *convolutions, pooling, answer = twin.layers[1:]
    backbone = Stack([*convolutions, pooling])
    for _ in range(depth - 1):
        backbone = Stack([backbone])
    images = keras.Input((trained.SIZE, trained.SIZE, 3))
    model = keras.Model(images, answer(backbone(images)))
    found, expected = FrozenClassifier(model), FrozenClassifier(twin)
    assert found.level_shapes == expected.level_shapes
    pictures = trained.patches(2)[0]
    np.testing.assert_allclose(
        found(pictures)["evidence"], expected(pictures)["evidence"], atol=1e-5
    )


def test_maps_behind_those_outside_are_found():
    # The last map in sight is of the stem alone.
    images = keras.Input((32, 32, 3))
    stem = layers.Conv2D(4, 3, 2, padding="same", activation="relu")(images)
    body = Stack([layers.Conv2D(8, 3, 2, padding="same"), layers.Flatten()])
    model = keras.Model(images, layers.Dense(3, activation="softmax")(body(stem)))
    frozen = FrozenClassifier(model, finest_stride=2)
    assert frozen.level_shapes == [(8, 8, 8), (16, 16, 4)]


class AsNumbersSay(Stack):
    """What Keras cannot trace: it looks at the values."""

    def call(self, x):
        return super().call(x) * (2.0 if float(x[0, 0, 0, 0]) > 0.5 else 1.0)


class OnceSeen(Stack):
    """What gives other scores as soon as it was traced."""

    def call(self, x):
        is_symbolic = isinstance(x, keras.KerasTensor)
        return super().call(x[:, ::-1] if is_symbolic else x)


@pytest.mark.parametrize("kind", [AsNumbersSay, OnceSeen])
def test_what_would_be_another_model_is_refused(kind):
    model = kind([layers.Flatten(), layers.Dense(3, activation="softmax")])
    model(random_images())
    with pytest.raises(ValueError, match="make one of the same scores.*Received"):
        FrozenClassifier(model)


class OfFour(keras.Model):
    """As many inputs as images have axes."""

    def call(self, inputs):
        return inputs[0]


def test_one_of_several_inputs_is_refused():
    model = OfFour()
    model([random_images(2)] * 4)
    with pytest.raises(ValueError, match="make one of the same scores.*Received"):
        FrozenClassifier(model)


def test_one_that_was_never_called_is_refused():
    with pytest.raises(ValueError, match="call it once on a batch.*is not built"):
        FrozenClassifier(Stack([layers.Conv2D(4, 3)]))
