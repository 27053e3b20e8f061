"""The names of a classifier's classes, from wherever they can be had."""

import json
import os
import pathlib

from keras_explainer.command_line.argument_types import name_list
from keras_explainer.command_line.command_error import UsageError
from keras_explainer.inputs.check_class_names import check_class_names


def read_class_names(text, num_classes, is_binary=False):
    """Returns the names that --class-names gives.

    Args:
        text: Path of a file with a name on each line, or of a `.json` file with a
            list or an object of them; or names with commas between them.
        num_classes: int, how many there should be.
        is_binary: Boolean. Whether one name is enough, that of the answer yes.

    Raises:
        UsageError: If there are more or fewer, or no such file.
    """
    path = pathlib.Path(text)
    if path.is_file() and path.suffix == ".json":
        names = _from_json(path)
    elif path.is_file():
        lines = path.read_text(encoding="utf-8").splitlines()
        names = [line.strip() for line in lines if line.strip()]
    elif _looks_like_a_path(text):
        what = "is a folder" if path.is_dir() else "does not exist"
        raise UsageError(
            "Argument --class-names should be a file with a name on each line, or "
            f"names with commas between them. Received: {text}, which {what}"
        )
    else:
        names = name_list(text)
    if len(names) != num_classes and not (is_binary and len(names) == 1):
        raise UsageError(
            f"Argument --class-names should be a file or a list of {num_classes} "
            f"names, one for each class. Received: {len(names)} in {text}"
        )
    return names


def _looks_like_a_path(text):
    """Returns whether a text without a comma is the path of a file, not a name."""
    if "," in text:
        return False
    has_folder = any(sep in text for sep in (os.sep, os.altsep or os.sep))
    return has_folder or pathlib.Path(text).suffix[1:].isalpha()


def _from_json(path):
    try:
        return check_class_names(json.loads(path.read_text(encoding="utf-8")))
    except ValueError as error:
        raise UsageError(
            "Argument --class-names should be a file that lists names. Received: "
            f"{path} ({error})"
        ) from error
