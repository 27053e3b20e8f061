"""The models that come with the package."""

import pathlib

_PACKAGE = pathlib.Path(__file__).parent
# In an installed package, and in a checkout of the project.
_FOLDERS = (_PACKAGE / "saved_models", _PACKAGE.parent / "saved_models")


def shipped_model(name):
    """Returns the path of a model that comes with the package.

    Args:
        name: String. Name of its file, without ".keras": "shapes_classifier", which
            names drawn shapes (`keras_explainer.datasets.shapes`), or
            "shapes_explainer", the explainer of it.

    Returns:
        A `pathlib.Path`.

    Raises:
        ValueError: If there is no such model.

    Example:

    >>> classifier = keras.saving.load_model(kx.shipped_model("shapes_classifier"))
    >>> classifier.output_shape
    (None, 8)
    """
    for folder in _FOLDERS:
        path = folder / f"{name}.keras"
        if path.is_file():
            return path
    known = sorted({path.stem for place in _FOLDERS for path in place.glob("*.keras")})
    raise ValueError(
        f"Argument `name` should be one of {known}. Received: name={name!r}"
    )
