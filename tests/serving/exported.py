"""The explainer that the tests of serving export once, and pictures to ask it about."""

import functools
import io
import pathlib
import tempfile

import keras
import numpy as np
from conftest import tiny_classifier
from PIL import Image
from served_model import ServedModel

import keras_explainer as kx

_FOLDER = tempfile.TemporaryDirectory(prefix="exported-")  # Removed at exit.
NAMES = ["cat", "dog", "müßig", "bird", "fish"]


@functools.cache
def tiny_explainer():
    """An explainer whose masks differ from the classifier's bare evidence."""
    keras.utils.set_random_seed(0)
    classifier = tiny_classifier(classes=5)
    explainer = kx.ExplainerModel(
        classifier, preprocess_input="mobilenet", class_names=NAMES
    )
    vectors = explainer.class_head.class_vectors
    vectors.assign(4 * np.random.default_rng(0).normal(size=vectors.shape))
    return explainer


@functools.cache
def exported():
    """Returns the path of the exported version folder."""
    path = pathlib.Path(_FOLDER.name) / "tiny" / "1"
    return tiny_explainer().export(path, max_batch_size=2)


@functools.cache
def served():
    """Returns the exported version, loaded as a server does."""
    return ServedModel(exported(), "tiny")


def photograph(height=60, width=90, shift=0.0):
    """A smooth RGB picture, such as JPEG is made for."""
    y, x = np.mgrid[:height, :width] / 10.0
    waves = [np.sin(x + shift), np.cos(y - shift), np.sin(x + y)]
    return Image.fromarray((127.5 + 120 * np.stack(waves, -1)).astype("uint8"))


def file_of(picture, format="JPEG", **options):
    """Returns the bytes of a picture's file."""
    file = io.BytesIO()
    picture.save(file, format, **options)
    return file.getvalue()


def raw_images(count=2, size=32, seed=0):
    """RGB images 0..255."""
    levels = np.random.default_rng(seed).integers(0, 256, (count, size, size, 3))
    return levels.astype("float32")


def preprocessed(images):
    """What `keras.applications.mobilenet.preprocess_input` makes of raw images."""
    return images / 127.5 - 1.0
