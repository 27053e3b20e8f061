"""The models that come with the package."""

import pathlib

_PACKAGE = pathlib.Path(__file__).parent
# In an installed package, and in a checkout of the project.
_FOLDERS = (_PACKAGE / "saved_models", _PACKAGE.parent / "saved_models")
# What an explainer is called beside the name of its file.
_SHORT_NAMES = {
    "imagenet": "mobilenet_v2_imagenet",
    "shapes": "shapes_explainer",
}
EXPLAINERS = sorted([*_SHORT_NAMES, *_SHORT_NAMES.values()])


def shipped_model(name):
    """Returns the path of a model that comes with the package.

    Args:
        name: String. Name of its file, without ".keras": "shapes_classifier", which
            names drawn shapes (`keras_explainer.datasets.shapes`),
            "shapes_explainer", the explainer of it, or "mobilenet_v2_imagenet", the
            explainer of a classifier of photographs.

    Returns:
        A `pathlib.Path`.

    Raises:
        ValueError: If there is no such model.
        FileNotFoundError: If the package lacks all of them.

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
    if not known:
        places = " or ".join(map(str, _FOLDERS))
        raise FileNotFoundError(
            "The models that come with the package should be in its folder "
            f"`saved_models`. Received: no .keras file in {places}; `pip install .` in "
            "a checkout that has that folder brings them"
        )
    raise ValueError(
        f"Argument `name` should be one of {known}. Received: name={name!r}"
    )


def shipped_explainer(name):
    """Returns the path of an explainer that comes with the package, or None.

    Args:
        name: String. One of `EXPLAINERS` names an explainer, anything else none.
    """
    if name not in EXPLAINERS:
        return None
    return shipped_model(_SHORT_NAMES.get(name, name))
