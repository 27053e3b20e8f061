"""Pictures as users have them: paths, folders and `PIL.Image`s."""

import os
import pathlib

import numpy as np
from PIL import Image

from keras_explainer.files.picture_files import picture_files
from keras_explainer.files.read_picture import BadFileError
from keras_explainer.files.read_picture import as_rgb
from keras_explainer.files.read_picture import read_picture
from keras_explainer.files.resize_picture import resize_picture


def are_pictures(images):
    """Tells whether something is a picture, or a list of them, and no array."""
    if isinstance(images, (list, tuple)):
        return bool(images) and all(_is_picture(image) for image in images)
    return _is_picture(images)


def given_pictures(images):
    """Reads what `are_pictures` knows.

    Args:
        images: Path of a picture, or of a folder with pictures directly inside; a
            `PIL.Image`; or a list of such.

    Returns:
        Tuple of a list of upright RGB `PIL.Image`s and a list of their names.

    Raises:
        ValueError: If one of them cannot be read, or a folder has none.
    """
    images = images if isinstance(images, (list, tuple)) else [images]
    pictures, names = [], []
    for image in images:
        try:
            if isinstance(image, Image.Image):
                pictures.append(as_rgb(image, upright=True))
                name = getattr(image, "filename", "")
                names.append(pathlib.Path(name).name or f"image {len(names)}")
                continue
            for path in _files(pathlib.Path(image)):
                pictures.append(read_picture(path, upright=True))
                names.append(path.name)
        # Broken pictures make Pillow raise nearly anything.
        except (BadFileError, OSError, SyntaxError, ValueError) as error:
            raise ValueError(
                "Argument `images` should be arrays, or pictures that can be read. "
                f"Received: {error}"
            ) from error
    return pictures, names


def picture_levels(pictures, size):
    """Returns pictures at one size, as a command and Python alike take them.

    Args:
        pictures: List of RGB `PIL.Image` of any sizes.
        size: Tuple of the height and width in pixels that a classifier takes.

    Returns:
        float32 array (N, H, W, 3), 0..255.

    Raises:
        ValueError: If the classifier leaves the size open.
    """
    if None in size:
        raise ValueError(
            "Argument `images` should be an array, since the classifier takes images "
            "of any size; make one by `np.stack([picture.resize((224, 224))])` and "
            f"apply `explainer.preprocessing`. Received: {len(pictures)} pictures"
        )
    return np.stack([resize_picture(p, tuple(size)) for p in pictures]).astype(
        "float32"
    )


def _is_picture(image):
    return isinstance(image, (str, os.PathLike, Image.Image))


def _files(path):
    if not path.is_dir():
        return [path]
    found = picture_files(path).pictures
    if not found:
        raise ValueError(f"{path}, a folder without pictures")
    return found
