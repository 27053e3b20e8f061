"""The names of a classifier's classes, from wherever they can be had."""

import pathlib

import numpy as np

from keras_explainer.commands.command_error import UsageError
from keras_explainer.commands.command_parser import name_list


def read_class_names(text, num_classes):
    """Returns the names that --class-names gives.

    Args:
        text: Path of a file with a name on each line, or names with commas between
            them.
        num_classes: int, how many there should be.

    Raises:
        UsageError: If there are more or fewer.
    """
    path = pathlib.Path(text)
    if path.is_file():
        lines = path.read_text(encoding="utf-8").splitlines()
        names = [line.strip() for line in lines if line.strip()]
    else:
        names = name_list(text)
    if len(names) != num_classes:
        raise UsageError(
            f"Argument --class-names should be a file or a list of {num_classes} "
            f"names, one for each class. Received: {len(names)} in {text}"
        )
    return names


def imagenet_class_names():
    """Returns the thousand names of ImageNet, or None where they cannot be had."""
    from keras.applications import imagenet_utils

    try:
        rows = imagenet_utils.decode_predictions(np.eye(1000), top=1)
    # Keras downloads them; a training need not fail for want of names.
    except Exception:
        return None
    return [row[0][1] for row in rows]
