"""From what the user calls a classifier to a Keras model."""

import difflib
import pathlib

import keras

import keras_explainer
from keras_explainer.commands.command_error import CommandError
from keras_explainer.commands.command_error import UsageError
from keras_explainer.commands.load_keras_file import load_keras_file
from keras_explainer.explainers.base_explainer import BaseExplainer

_SHIPPED = pathlib.Path("saved_models") / "shapes_classifier.keras"


def load_classifier(name):
    """Loads a classifier.

    Args:
        name: Path of a `.keras` file; "shapes" for the classifier shipped with the
            project; or the name of a `keras.applications` constructor, exact or in
            snake case, for one trained on ImageNet.

    Returns:
        A `keras.Model`.

    Raises:
        UsageError: If `name` is none of these.
        CommandError: If the weights cannot be downloaded.
    """
    if name == "shapes":
        return _load_file(find_shapes_classifier())
    if is_path(name):
        return _load_file(pathlib.Path(name))
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
    return (
        "/" in name
        or "\\" in name
        or pathlib.Path(name).suffix in (".keras", ".h5", ".hdf5")
    )


def find_shapes_classifier():
    """Returns the path of the shapes classifier that is shipped with the project."""
    package = pathlib.Path(keras_explainer.__file__).parent
    # Beside the package as it is in the project, or where the project is: an installed
    # package comes without models.
    places = [package.parent / _SHIPPED, pathlib.Path(_SHIPPED)]
    for place in places:
        if place.is_file():
            return place
    raise CommandError(
        "The shapes classifier should be in the project's folder saved_models; start "
        "the command there, or make it with `python "
        "saved_models/train_shapes_classifier.py`. Received: no file "
        f"{pathlib.Path.cwd() / _SHIPPED}"
    )


def _load_file(path):
    expected = "Argument --classifier should be a classifier saved by Keras as .keras"
    if not path.is_file():
        raise UsageError(f"{expected}. Received: {path}, which is not a file")
    classifier = load_keras_file(path, expected, compile=False)
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
