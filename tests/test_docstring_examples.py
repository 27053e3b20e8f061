"""The examples in the docstrings are run; those of files and servers are not."""

import doctest
import importlib
import pathlib
import re

import keras
import numpy as np
import pytest
import tensorflow as tf
import token_classifiers
from conftest import random_images
from conftest import tiny_classifier

import keras_explainer as kx
from keras_explainer.attribution import GradCAM

PACKAGE = pathlib.Path(kx.__file__).parent
SOURCES = {
    ".".join(path.relative_to(PACKAGE.parent).with_suffix("").parts): path.read_text()
    for path in sorted(PACKAGE.rglob("*.py"))
}
# Their models take longer than a few seconds.
SLOW = {
    "keras_explainer.attribution.rise",
    "keras_explainer.attribution.extremal_perturbation",
    "keras_explainer.attribution.igos_plus_plus",
    "keras_explainer.classifiers.frozen_classifier",
    "keras_explainer.evaluation.evaluate_methods",
}


def modules_with(pattern):
    return [
        pytest.param(name, marks=pytest.mark.slow if name in SLOW else ())
        for name, source in SOURCES.items()
        if re.search(pattern, source, re.MULTILINE)
    ]


@pytest.fixture(scope="module")
def names():
    """What an example may use without saying where it comes from."""
    keras.utils.set_random_seed(0)
    random = np.random.default_rng(0)
    classifier = tiny_classifier(size=64)
    images = random_images(4, 64)
    labels = np.eye(3, dtype="float32")[[0, 1, 2, 0]]
    truth = np.zeros((4, 64, 64), "uint8")
    truth[:, 16:48, 16:48] = labels.argmax(1)[:, None, None] + 1
    pictures = (127.5 * (images + 1)).astype("uint8")
    data = tf.data.Dataset.from_tensor_slices
    return {
        "keras_explainer": kx,
        "kx": kx,
        "keras": keras,
        "np": np,
        "tf": tf,
        "GradCAM": GradCAM,
        "classifier": classifier,
        "transformer": token_classifiers.transformer("mean", size=(64, 64)),
        "explainer": kx.ExplainerModel(classifier),
        "class_names": ["dog", "cat", "sofa"],
        "names": [f"picture {number}" for number in range(4)],
        "images": images,
        "pictures": pictures,
        "image": pictures[0],
        "labels": [0, 1, 2, 0],
        "truth": truth > 0,
        "maps": random.uniform(size=(4, 64, 64)),
        "class_masks": random.uniform(size=(4, 64, 64, 3)),
        "dataset": data((images, labels)).batch(4),
        "validation": data((images, labels)).batch(4),
        "held_out": data((images, labels, truth)).batch(4),
    }


@pytest.mark.parametrize("name", modules_with("^ *>>> "))
def test_examples(name, names, eager):
    module = importlib.import_module(name)
    package = importlib.import_module(name.rpartition(".")[0])
    public = {n: getattr(package, n) for n in getattr(package, "__all__", ())}
    options = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
    for example in doctest.DocTestFinder().find(module, extraglobs={**names, **public}):
        assert doctest.DocTestRunner(optionflags=options).run(example).failed == 0
