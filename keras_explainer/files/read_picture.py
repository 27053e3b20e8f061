"""Reading pictures from files of all kinds, and saying which of them are broken."""

import contextlib

import numpy as np
from PIL import Image
from PIL import ImageOps

from keras_explainer.files.open_picture import open_picture


class BadFileError(Exception):
    """A file that cannot be used; the message names it."""


@contextlib.contextmanager
def errors_naming(path):
    """Turns any error inside the block into a `BadFileError` that names the file."""
    try:
        yield
    # Broken bytes make decoders raise nearly anything.
    except Exception as error:
        reason = getattr(error, "strerror", None) or error
        raise BadFileError(f"{path}: {reason}") from error


def read_picture(path, upright=False):
    """Reads a picture of any mode as an RGB `PIL.Image`.

    Transparent pixels are laid over white, 16 bits are reduced to 8, floats may run
    to 1 or to 255, and of moving pictures the first frame is taken. With `upright`,
    the orientation that a camera noted in EXIF is applied. Pictures of more than
    `MAX_PIXELS` pixels are refused.
    """
    with errors_naming(path), open_picture(path) as image:
        return as_rgb(image, upright)


def as_rgb(image, upright=False):
    """Returns a `PIL.Image` of any mode as `read_picture` reads it."""
    if upright:
        image = ImageOps.exif_transpose(image)
    if image.mode.startswith(("I", "F")):
        image = Image.fromarray(_in_8_bits(np.asarray(image)))
    if "A" in image.getbands() or "transparency" in image.info:
        image = image.convert("RGBA")
        white = Image.new("RGBA", image.size, "white")
        image = Image.alpha_composite(white, image)
    return image.convert("RGB")


def _in_8_bits(levels):
    """Returns grey levels of 16 bits, or floats up to 1 or 255, as uint8."""
    low, high = levels.min(), levels.max()
    is_float = levels.dtype.kind == "f"
    most = 65535 if not is_float else 1 if high <= 1 else 255
    if not (low >= 0 and high <= most):  # NaN fails here too.
        raise ValueError(f"levels from {low:g} to {high:g}, not from 0 to {most}")
    levels = levels * (255 / most)
    return (np.rint(levels) if is_float else levels).astype("uint8")
