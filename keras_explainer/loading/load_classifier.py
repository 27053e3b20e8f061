"""From what the user calls a classifier to a Keras model."""

import difflib
import pathlib

import keras

from keras_explainer.command_line.command_error import CommandError
from keras_explainer.command_line.command_error import UsageError
from keras_explainer.explainers.base_explainer import BaseExplainer
from keras_explainer.loading.load_keras_file import UNSAFE_SUFFIXES
from keras_explainer.loading.load_keras_file import load_keras_file
from keras_explainer.shipped_models import shipped_model


def load_classifier(name, safe_mode=True):
    """Loads a classifier.

    Args:
        name: Path of a `.keras` file; "shapes" for the classifier that comes with
            the package; or the name of a `keras.applications` constructor, exact or in
            snake case, for one trained on ImageNet.
        safe_mode: Boolean. Whether a file that holds code is refused.

    Returns:
        A `keras.Model`.

    Raises:
        UsageError: If `name` is none of these.
        CommandError: If the weights cannot be downloaded.
    """
    if name == "shapes":
        return _load_file(shipped_model("shapes_classifier"))
    if is_path(name):
        return _load_file(pathlib.Path(name), safe_mode)
    constructor = _application(name)
    try:
        return constructor(weights="imagenet")
    # Whatever goes wrong on the way to the weights.
    except Exception as error:
        reason = " ".join(str(error).split())
        raise CommandError(
            f"The ImageNet weights of {constructor.__name__} could not be downloaded "
            "or loaded; argument --classifier may be the path of a .keras file "
            f"instead. Received: {reason}"
        ) from error


def is_path(name):
    """Returns whether --classifier names a file rather than a known classifier."""
    suffix = pathlib.Path(name).suffix.lower()
    return "/" in name or "\\" in name or suffix in (".keras", *UNSAFE_SUFFIXES)


def _load_file(path, safe_mode=True):
    expected = "Argument --classifier should be a classifier saved by Keras as .keras"
    if not path.is_file():
        raise UsageError(f"{expected}. Received: {path}, which is not a file")
    classifier = load_keras_file(path, expected, compile=False, safe_mode=safe_mode)
    if isinstance(classifier, BaseExplainer):
        raise UsageError(f"{expected}. Received: {path}, which is an explainer already")
    return classifier


def _application(name):
    known = {
        _plain(key): value
        for key, value in vars(keras.applications).items()
        if key[0].isupper() and callable(value)
    }
    if _plain(name) in known:
        return known[_plain(name)]
    near = difflib.get_close_matches(_plain(name), known, n=1)
    hint = f" (such as {known[near[0]].__name__})" if near else ""
    raise UsageError(
        'Argument --classifier should be the path of a .keras file, "shapes", or a '
        f"name out of keras.applications{hint}. Received: {name}"
    )


def _plain(name):
    return name.replace("_", "").replace("-", "").lower()
