"""Methods and metrics for whatever maps images to scores, and has no graph to read."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from conftest import random_images
from conftest import tiny_classifier

from keras_explainer import attribution
from keras_explainer import metrics

METHODS = {
    "IntegratedGradients": {"steps": 3},
    "SmoothGrad": {"samples": 3, "seed": 0},
    "RISE": {"num_masks": 24, "seed": 0},
    "ExtremalPerturbation": {"steps": 2, "areas": (0.1, 0.3), "sigma": 8},
    "IGOSPlusPlus": {"iterations": 4, "steps": 4, "size": 16, "seed": 0},
}


class Subclassed(keras.Model):
    def __init__(self, model):
        super().__init__()
        self.model = model

    def call(self, images, training=False):
        return self.model(images, training=training)


def served(model, folder):
    model.export(folder)
    return keras.layers.TFSMLayer(folder, call_endpoint="serve")


FUNCTIONS = {
    "a subclassed model": lambda model, folder: Subclassed(model),
    "a TFSMLayer": served,
    "a function": lambda model, folder: lambda images: model(images, training=False),
    "a dict of scores": lambda model, folder: lambda images: {"scores": model(images)},
}


@pytest.mark.parametrize(
    ("kind", "name"),
    [
        *((kind, "IntegratedGradients") for kind in FUNCTIONS),
        ("a function", "RISE"),
        *(
            pytest.param("a function", name, marks=pytest.mark.slow)
            for name in ("SmoothGrad", "ExtremalPerturbation", "IGOSPlusPlus")
        ),
    ],
)
def test_the_map_is_that_of_the_model_it_is_made_of(kind, name, tmp_path, eager):
    model, images = tiny_classifier(name="inner"), random_images(2)
    function = FUNCTIONS[kind](model, str(tmp_path / "served"))
    found, expected = (
        getattr(attribution, name)(classifier, **METHODS[name]).explain(images)
        for classifier in (function, model)
    )
    # Log p has other gradients than the logits, but for the same evidence.
    matches = np.corrcoef(found.ravel(), expected.ravel())[0, 1]
    assert matches > (0.999 if name == "RISE" else 0.5)


def test_a_function_of_arrays_has_no_gradient_but_rise_needs_none(eager):
    model = tiny_classifier()

    def scores(images):
        assert isinstance(images, np.ndarray) or hasattr(images, "numpy")
        return np.asarray(model(np.asarray(images)))

    images = random_images(2)
    expected = attribution.RISE(model, num_masks=24, seed=0).explain(images, 1)
    found = attribution.RISE(scores, num_masks=24, seed=0).explain(images, 1)
    np.testing.assert_allclose(found, expected, atol=1e-4)
    with pytest.raises(ValueError, match="gradient, for SmoothGrad.*Received: scores"):
        attribution.SmoothGrad(scores).explain(images, 1)


def test_a_function_of_one_probability_has_two_answers(eager):
    model = tiny_classifier(1, "sigmoid")
    images = random_images(2)
    method = attribution.RISE(lambda images: model(images)[:, 0], num_masks=24, seed=0)
    for answer in (0, 1):
        expected = attribution.RISE(model, num_masks=24, seed=0).explain(images, answer)
        np.testing.assert_allclose(method.explain(images, answer), expected, atol=1e-4)


def test_images_of_another_size_are_read_anew(eager):
    model = tiny_classifier(size=None)
    method = attribution.RISE(lambda images: model(images), num_masks=8)
    assert method.explain(random_images(1), 0).shape == (1, 32, 32)
    assert method.explain(random_images(1, 24), 0).shape == (1, 24, 24)


def test_metrics_of_a_function(eager):
    model, images = tiny_classifier(), random_images(2)
    maps = np.random.default_rng(0).uniform(size=(2, 32, 32)).astype("float32")

    def function(images):
        return tf.convert_to_tensor(model(images))

    for measure in (
        lambda c: metrics.insertion_deletion(c, images, maps, 1)["deletion"],
        lambda c: metrics.confidence_change(c, images, maps, 1)["drop"],
        lambda c: metrics.class_discrimination(
            c, images, np.repeat(maps[..., None], 3, -1), [0, 1]
        )["matrix"],
    ):
        np.testing.assert_allclose(measure(function), measure(model), atol=1e-4)


@pytest.mark.parametrize("name", ["GradCAM", "GuidedBackprop"])
def test_methods_that_read_inside_say_how_to_open_a_model(name):
    with pytest.raises(ValueError, match="call it once on a batch of images"):
        getattr(attribution, name)(Subclassed(tiny_classifier()))


def test_what_returns_no_scores_is_refused():
    method = attribution.RISE(lambda images: images)
    with pytest.raises(ValueError, match=r"scores of shape \(N, C\).*\(1, 32, 32, 3\)"):
        method.explain(random_images(1), 0)
