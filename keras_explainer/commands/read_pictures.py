"""From files of pictures to what an explainer takes."""

import sys

from keras_explainer.commands.command_error import CommandError


def read_pictures(paths):
    """Reads pictures; a file that cannot be read is named in a warning.

    Args:
        paths: List of paths.

    Returns:
        List of pairs of a path and an upright RGB `PIL.Image`.
    """
    from keras_explainer.files.read_picture import BadFileError
    from keras_explainer.files.read_picture import open_rgb

    pictures = []
    for path in paths:
        try:
            pictures.append((path, open_rgb(path, upright=True)))
        except BadFileError as error:
            print(f"warning: skipped {error}", file=sys.stderr)
    return pictures


def no_pictures(names):
    """Returns the error of --images of which not one can be read."""
    return CommandError(
        "Argument --images should name at least one picture that can be read. "
        f"Received: {' '.join(names)}"
    )


def as_input(pictures, explainer):
    """Returns the array (N, H, W, 3) that an explainer takes for pictures.

    Args:
        pictures: List of RGB `PIL.Image` of any sizes.
        explainer: The explainer, which knows size and preprocessing.
    """
    import numpy as np

    from keras_explainer.files.read_picture import resize

    size = tuple(explainer.frozen.image_shape[:2])
    images = [resize(picture, size) for picture in pictures]
    return np.asarray(explainer.preprocessing(np.stack(images).astype("float32")))
