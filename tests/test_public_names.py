"""Every public name says what it takes and what it answers."""

import importlib
import inspect
import pathlib
import pkgutil
import re

import pytest

import keras_explainer

# Rooms that the others share or the command line uses, without public names.
PRIVATE = {
    *("inputs", "image_operations", "training", "files", "explanations"),
    *("commands", "command_line", "runs", "loading", "report", "study", "browser"),
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


# How other packages write what CONTRIBUTING.md calls String, Boolean, List and so on.
OTHER_TYPES = "str|string|bool|boolean|list|dict|tuple|array|path|callable|tensor"


def other_types(text):
    """Returns the arguments whose types are not written as CONTRIBUTING.md says."""
    found = []
    for indent, part in re.findall(r"^( *)Args:\n((?:\1 .*\n|\n)+)", text, re.M):
        argument = rf"^{indent}    \*{{0,2}}([\w, ]+): (?:{OTHER_TYPES})\b"
        found += re.findall(argument, part, re.M)
    return found


def test_types_are_written_one_way():
    root = pathlib.Path(keras_explainer.__file__).parent
    found = {path: other_types(path.read_text()) for path in root.rglob("*.py")}
    assert not {path: arguments for path, arguments in found.items() if arguments}
    text = "Args:\n    a: str. One\n        path: as it is\n    b, c: list of x\n"
    assert other_types(f"{text}\nReturns:\n    d: str\n") == ["a", "b, c"]
