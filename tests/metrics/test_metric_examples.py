"""The examples in the docstrings of the metrics."""

import doctest
import importlib
import pkgutil

import keras
import numpy as np
import pytest
from conftest import random_images
from conftest import tiny_classifier

from keras_explainer import metrics
from keras_explainer.attribution import GradCAM

MODULES = [module.name for module in pkgutil.iter_modules(metrics.__path__)]


@pytest.fixture(scope="module")
def names():
    random = np.random.default_rng(0)
    return {
        **{name: getattr(metrics, name) for name in metrics.__all__},
        "GradCAM": GradCAM,
        "np": np,
        "classifier": tiny_classifier(size=64),
        "images": random_images(4, 64),
        "maps": random.uniform(size=(4, 64, 64)),
        "class_masks": random.uniform(size=(4, 64, 64, 3)),
        "labels": [0, 1, 2, 0],
        "model": keras.Sequential([keras.Input((4, 4, 1))]),
    }


@pytest.mark.parametrize("name", MODULES)
def test_examples(name, names, eager):
    module = importlib.import_module(f"keras_explainer.metrics.{name}")
    for example in doctest.DocTestFinder().find(module, extraglobs=names):
        assert doctest.DocTestRunner().run(example).failed == 0


def test_every_public_name_is_there():
    assert metrics.__all__ == sorted(set(metrics.__all__))
    assert all(callable(getattr(metrics, name)) for name in metrics.__all__)
