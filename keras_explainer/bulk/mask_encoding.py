"""Masks to bytes and back: as grey PNG files, or as COCO's run lengths."""

import io

import numpy as np
from PIL import Image

from keras_explainer.datasets.coco_segmentation import object_mask

_HALF = 0.5
# Of zlib, from 1 to 9: the fastest, since masks are small and many.
_PNG_LEVEL = 1


def encode_mask(mask, kind, threshold=None):
    """Returns the bytes of a mask.

    Args:
        mask: float array (h, w) in [0, 1].
        kind: "png" for a grey file, level 255 for a mask of 1; or "rle" for the
            `counts` of COCO's compressed run lengths.
        threshold: float from which a pixel is inside, or None to keep a PNG grey;
            run lengths are then of the pixels from 0.5.
    """
    if kind == "rle":
        return compress(
            run_lengths(mask >= (_HALF if threshold is None else threshold))
        )
    mask = mask if threshold is None else mask >= threshold
    file = io.BytesIO()
    levels = np.rint(255 * np.asarray(mask, "float32")).astype("uint8")
    Image.fromarray(levels).save(file, "PNG", compress_level=_PNG_LEVEL)
    return file.getvalue()


def decode_mask(code, kind, height, width):
    """Returns the float32 array (height, width) in [0, 1] of an encoded mask."""
    if kind == "rle":
        inside = object_mask({"counts": code.decode("ascii")}, height, width)
        return inside.astype("float32")
    return np.asarray(Image.open(io.BytesIO(code)), "float32") / np.float32(255)


def run_lengths(inside):
    """Returns how many pixels are outside, inside, outside ..., in column order.

    Args:
        inside: Boolean array (h, w).

    Example:

    >>> run_lengths(np.array([[0, 1], [1, 1]], bool))
    [1, 3]
    """
    flat = inside.T.ravel()
    starts = np.flatnonzero(flat[1:] != flat[:-1]) + 1
    lengths = np.diff([0, *starts, flat.size]).tolist()
    return [0, *lengths] if flat[0] else lengths


def compress(counts):
    """Returns run lengths as COCO's compressed string, in ASCII.

    Each is written in groups of five bits, the lowest first, one character each; a
    sixth bit says that more follow, and from the fourth on it is the difference to
    the run length two before.

    Example:

    >>> compress([1, 3])
    b'13'
    """
    code = bytearray()
    for i, count in enumerate(counts):
        value = count - counts[i - 2] if i > 2 else count
        more = True
        while more:
            low, value = value & 31, value >> 5
            more = value != (-1 if low & 16 else 0)
            code.append(48 + low + 32 * more)
    return bytes(code)
