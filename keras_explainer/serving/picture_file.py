"""From any picture to a file that the signature `explain_bytes` takes."""

import io
import pathlib

from keras_explainer.files.open_picture import open_picture
from keras_explainer.files.read_picture import read_picture

_ORIENTATION = 0x0112  # EXIF


def picture_file(picture):
    """Returns a JPEG or PNG file of a picture, upright.

    Such files are returned as they are. Others, those that a camera notes as turned
    and those with transparency, which the served graph does not look at, become PNG.

    Args:
        picture: Path of a file that Pillow reads, or its bytes.

    Raises:
        ValueError: If Pillow does not know the file, or the picture is so large that
            a server refuses it.
        OSError: If there is no such file.
    """
    is_bytes = isinstance(picture, bytes)
    content = picture if is_bytes else pathlib.Path(picture).read_bytes()
    name = f"{len(content)} bytes" if is_bytes else str(picture)
    try:
        with open_picture(io.BytesIO(content)) as image:
            is_plain = image.format in ("JPEG", "PNG") and image.mode in ("RGB", "L")
            if is_plain and image.getexif().get(_ORIENTATION, 1) == 1:
                return content
        upright = read_picture(io.BytesIO(content), upright=True)
    # Foreign files make Pillow raise nearly anything.
    except Exception as error:
        raise ValueError(
            "Argument `picture` should be a picture that Pillow reads. "
            f"Received: {name} ({error.__cause__ or error})"
        ) from error
    file = io.BytesIO()
    upright.save(file, "PNG")
    return file.getvalue()
