"""From the pictures that a command line names to what an explainer takes."""

import glob
import os
import pathlib
import sys

import numpy as np

from keras_explainer.command_line.command_error import CommandError
from keras_explainer.files.given_pictures import picture_levels
from keras_explainer.files.picture_files import picture_files
from keras_explainer.files.picture_files import warn_of_unread
from keras_explainer.files.read_picture import BadFileError
from keras_explainer.files.read_picture import read_picture


def find_pictures(names):
    """Returns the files that names stand for, each once, in order.

    Args:
        names: List of paths of files (taken as they are, whatever they hold), of
            folders (the pictures directly inside) and patterns such as
            "photos/**/*.jpg".

    Returns:
        List of `pathlib.Path`; a name that stands for nothing is in it as it is. Files
        of the folders that Pillow cannot read are counted in a warning.
    """
    found, unread = {}, {}
    for name in names:
        # A file may have brackets in its name, so the file itself comes first.
        matches = [name] if os.path.exists(name) else glob.glob(name, recursive=True)
        for match in sorted(matches) or [name]:
            match = pathlib.Path(match)
            inside = picture_files(match) if match.is_dir() else ([match], [])
            for paths, known in zip(inside, (found, unread)):
                for path in paths:
                    known.setdefault(path.resolve(), path)
    warn_of_unread("IMAGES", list(unread.values()), len(found) + len(unread))
    return list(found.values())


def read_pictures(paths):
    """Reads pictures; a file that cannot be read is named in a warning.

    Args:
        paths: List of paths.

    Returns:
        List of pairs of a path and an upright RGB `PIL.Image`.
    """
    pictures = []
    for path in paths:
        try:
            pictures.append((path, read_picture(path, upright=True)))
        except BadFileError as error:
            print(f"warning: skipped {error}", file=sys.stderr)
    return pictures


def no_pictures(argument, names):
    """Returns the error of pictures of which not one can be read.

    Args:
        argument: String, the argument that names them, such as "--images".
        names: List of strings, its values.
    """
    return CommandError(
        f"Argument {argument} should name at least one picture that can be read. "
        f"Received: {' '.join(names)}"
    )


def explainer_input(pictures, explainer):
    """Returns the array (N, H, W, 3) that an explainer takes for pictures.

    Args:
        pictures: List of RGB `PIL.Image` of any sizes.
        explainer: The explainer, which knows size and preprocessing.
    """
    levels = picture_levels(pictures, explainer.frozen.image_shape[:2])
    return np.asarray(explainer.preprocessing(levels))
