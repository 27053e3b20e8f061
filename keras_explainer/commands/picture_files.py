"""From what is named on the command line to files of pictures."""

import glob
import os
import pathlib

from keras_explainer.datasets.image_folder import EXTENSIONS


def find_pictures(names):
    """Returns the files that names stand for, each once, in order.

    Args:
        names: List of paths of files (taken as they are, whatever they hold), of
            folders (the pictures directly inside) and patterns such as
            "photos/**/*.jpg".

    Returns:
        List of `pathlib.Path`; a name that stands for nothing is in it as it is.
    """
    found = {}
    for name in names:
        # A file may have brackets in its name, so the file itself comes first.
        matches = [name] if os.path.exists(name) else glob.glob(name, recursive=True)
        for match in sorted(matches) or [name]:
            for path in _inside(pathlib.Path(match)):
                found.setdefault(path.resolve(), path)
    return list(found.values())


def _inside(path):
    if not path.is_dir():
        return [path]
    return [
        entry
        for entry in sorted(path.iterdir())
        if entry.suffix.lower() in EXTENSIONS and not entry.name.startswith(".")
    ]
