"""Bringing pictures and their masks to one size."""

import numpy as np
from PIL import Image
from PIL import ImageOps

from keras_explainer.void import VOID


def resize_picture(image, size, resizing="squash"):
    """Returns the array of an RGB `PIL.Image` brought to `size`, `(height, width)`.

    Args:
        image: `PIL.Image`.
        size: `(height, width)` in pixels.
        resizing: "squash" to change the aspect ratio, "crop" to cut what is too long
            off both ends, "pad" to fill what is too short at both ends with 0.
    """
    return _fit(image, size, resizing, Image.Resampling.BILINEAR, 0)


def resize_mask(mask, size, resizing="squash"):
    """Returns the array of a mask, resized like its image; void where it is padded."""
    return _fit(mask, size, resizing, Image.Resampling.NEAREST, VOID)


def _fit(image, size, resizing, resample, fill):
    size = size[::-1]
    if resizing == "crop":
        image = ImageOps.fit(image, size, resample)
    elif resizing == "pad":
        image = ImageOps.pad(image, size, resample, fill)
    else:
        image = image.resize(size, resample)
    return np.asarray(image)


def check_resizing(resizing):
    if resizing not in ("squash", "crop", "pad"):
        raise ValueError(
            'Argument `resizing` should be "squash", "crop" or "pad". '
            f"Received: resizing={resizing!r}"
        )
