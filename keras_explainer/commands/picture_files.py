"""From what is named on the command line to files of pictures."""

import glob
import os
import pathlib

from keras_explainer.files.picture_files import picture_files
from keras_explainer.files.picture_files import tell_others


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
    found, others = {}, {}
    for name in names:
        # A file may have brackets in its name, so the file itself comes first.
        matches = [name] if os.path.exists(name) else glob.glob(name, recursive=True)
        for match in sorted(matches) or [name]:
            match = pathlib.Path(match)
            inside = picture_files(match) if match.is_dir() else ([match], [])
            for paths, known in zip(inside, (found, others)):
                for path in paths:
                    known.setdefault(path.resolve(), path)
    tell_others("IMAGES", list(others.values()), len(found) + len(others))
    return list(found.values())
