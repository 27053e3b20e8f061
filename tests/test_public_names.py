"""Every public name says what it takes and what it answers."""

import importlib
import inspect
import pkgutil

import pytest

import keras_explainer

# Rooms that the others share or the command line uses, without public names.
PRIVATE = {
    *("inputs", "image_operations", "training", "files"),
    *("commands", "command_line", "runs", "loading", "report", "study"),
}
PACKAGES = ["keras_explainer"] + [
    f"keras_explainer.{module.name}"
    for module in pkgutil.iter_modules(keras_explainer.__path__)
    if module.ispkg and module.name not in PRIVATE
]
NAMES = [
    (package, name)
    for package in PACKAGES
    for name in importlib.import_module(package).__all__
]
# Arguments that mean for all what they mean in Keras.
OF_KERAS = {"name", "dtype", "kwargs"}
WRITE_FILES = {"save_figure", "save_image"}


@pytest.mark.parametrize("package", PACKAGES)
def test_names_of_a_package(package):
    module = importlib.import_module(package)
    assert len(module.__all__) == len(set(module.__all__))
    assert module.__doc__ and set(module.__all__) <= set(dir(module))


@pytest.mark.parametrize(("package", "name"), NAMES)
def test_docstring(package, name):
    value = getattr(importlib.import_module(package), name)
    if not callable(value):  # A package, or a constant.
        return
    text = value.__doc__ or ""
    assert text.strip()[:1].isupper() and text.split("\n")[0].rstrip().endswith(".")
    parameters = set(inspect.signature(value).parameters) - OF_KERAS
    if parameters:
        assert "\n    Args:\n" in text
        described = text.partition("Args:\n")[2]
        assert all(parameter in described for parameter in parameters)
    if inspect.isfunction(value) and name not in WRITE_FILES:
        assert "\n    Returns:\n" in text
