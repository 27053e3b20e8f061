"""Opening pictures of strangers: one limit on their pixels, wherever they come from."""

import contextlib

from PIL import Image
from PIL import UnidentifiedImageError

# Decoded, a picture takes three bytes per pixel and its masks four more each.
MAX_PIXELS = 2**25


@contextlib.contextmanager
def open_picture(file):
    """Gives what `PIL.Image.open` does, unless the picture has too many pixels.

    The header tells, before anything is decoded. Pillow's own limit is five times as
    high, belongs to the whole process, and shows as a warning long before it holds.

    Args:
        file: Path, or a file of bytes.

    Raises:
        ValueError: If the header claims more than `MAX_PIXELS` pixels.
        PIL.UnidentifiedImageError: If it is the header of no picture.
    """
    with contextlib.ExitStack() as stack:
        if not hasattr(file, "read"):
            file = stack.enter_context(open(file, "rb"))
        _check_pixels(*_claimed_size(file))
        file.seek(0)
        try:
            image = stack.enter_context(Image.open(file))
        except UnidentifiedImageError:  # Its message has the address of the file.
            raise UnidentifiedImageError("cannot identify image file") from None
        _check_pixels(*image.size)
        yield image


def _check_pixels(width, height):
    """Raises a ValueError if a picture is too large to be decoded."""
    if width * height > MAX_PIXELS:
        raise ValueError(
            f"a picture should have at most {MAX_PIXELS} pixels. "
            f"Received: {width} x {height} pixels"
        )


def _claimed_size(file):
    """Returns what `PIL.Image.open` would find, without its warning; (0, 0) if none."""
    Image.init()
    start = file.read(16)
    for factory, accept in Image.OPEN.values():
        # What is wrong with a file, `PIL.Image.open` says in a moment.
        with contextlib.suppress(Exception):
            known = accept and accept(start)
            if known and not isinstance(known, str):  # A sentence says why not.
                file.seek(0)
                return factory(file, "").size
    return 0, 0
