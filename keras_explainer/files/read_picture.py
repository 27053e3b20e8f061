"""Reading pictures from files of all kinds, and living with those that are broken."""

import collections
import contextlib
import functools
import threading
import warnings

import numpy as np
import tensorflow as tf
from PIL import Image
from PIL import ImageOps

from keras_explainer.files.open_picture import open_picture
from keras_explainer.inputs.check_class_names import check_class_names

VOID = 255  # in a mask: of no known class


class BadFileError(Exception):
    """A file that cannot be used; the message names it."""


@contextlib.contextmanager
def blaming(path):
    """Turns any error inside the block into a `BadFileError` that names the file."""
    try:
        yield
    # Broken bytes make decoders raise nearly anything.
    except Exception as error:
        reason = getattr(error, "strerror", None) or error
        raise BadFileError(f"{path}: {reason}") from error


def open_rgb(path, upright=False):
    """Reads a picture of any mode as an RGB `PIL.Image`.

    Transparent pixels are laid over white, 16 bits are reduced to 8, floats may run
    to 1 or to 255, and of moving pictures the first frame is taken. With `upright`,
    the orientation that a camera noted in EXIF is applied. Pictures of more than
    `MAX_PIXELS` pixels are refused.
    """
    with blaming(path), open_picture(path) as image:
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


def resize(image, size, resizing="squash"):
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


def check_classes(classes, known):
    """Returns `classes`, or all known ones for None, as a list of distinct names."""
    known = list(known)
    class_names = (
        known if classes is None else check_class_names(classes, None, "classes")
    )
    unknown = [name for name in class_names if name not in known]
    if unknown:
        raise ValueError(
            f"Argument `classes` should be names out of {known}, not {unknown}. "
            f"Received: classes={class_names}"
        )
    if not class_names or len(set(class_names)) < len(class_names):
        raise ValueError(
            "Argument `classes` should hold at least one name, and none twice. "
            f"Received: classes={class_names}"
        )
    return class_names


def check_shard(shard, most=None):
    is_pair = isinstance(shard, (tuple, list)) and len(shard) == 2
    if not is_pair or not 0 <= shard[0] < shard[1] or shard[1] > (most or shard[1]):
        limit = f" <= {most}, the number of examples" if most else ""
        raise ValueError(
            "Argument `shard` should be a pair (index, count) with 0 <= index < "
            f"count{limit}. Received: shard={shard}"
        )


def shard_of(items, shard):
    """Returns every `count`-th of the items, from `index` on; all for None."""
    if shard is None:
        return items
    check_shard(shard, len(items))
    return items[shard[0] :: shard[1]]


def check_limit(limit):
    if limit is not None and limit < 1:
        raise ValueError(
            "Argument `limit` must be a positive integer or None. "
            f"Received: limit={limit}"
        )


class Remarks:
    """What is odd in the files of a dataset but no reason to leave them out.

    Args:
        name: str, the name of the public loader, for messages.
    """

    def __init__(self, name):
        self.name = name
        self.places = collections.defaultdict(set)

    def add(self, kind, place):
        """Notes a place, once, under a kind of oddity such as "empty files"."""
        self.places[kind].add(place)

    def tell(self):
        """Warns once of each kind, with how often it was noted."""
        for kind, places in self.places.items():
            # Not the one that was found first: files are read in parallel.
            warnings.warn(
                f"{self.name}: {len(places)} {kind}, such as {min(places)}",
                stacklevel=3,
            )
        self.places.clear()


class FileLoader:
    """Loads example `i` of a list, or None if its files cannot be read.

    Each bad file is named once in a warning; when all examples have been visited,
    another warning says how many were skipped, and the remarks are told.

    Args:
        name: str, the name of the public loader, for messages.
        items: list of what `read` takes, not empty.
        read: function of an item that returns a tuple of arrays, or raises
            `BadFileError`.
        cache: bool, whether to keep the arrays in memory.
        remarks: `Remarks` that `read` adds to, or None.
    """

    def __init__(self, name, items, read, cache, remarks=None):
        self.name = name
        self.remarks = remarks
        self.items = items
        self.read = functools.cache(read) if cache else read
        self.visited = set()
        self.bad = set()
        self.lock = threading.Lock()
        if all(self(index) is None for index in range(len(items))):
            raise ValueError(
                f"`{name}` needs at least one file that can be read; the warnings "
                f"above name what is wrong. Received: {len(items)} bad files"
            )

    def __call__(self, index):
        if index in self.bad:
            return None
        try:
            example = self.read(self.items[index])
        except BadFileError as error:
            example = None
            warnings.warn(f"{self.name}: skipped {error}", stacklevel=2)
        self.visit(index, example is None)
        return example

    def visit(self, index, is_bad):
        with self.lock:  # examples are loaded in parallel
            if index in self.visited:
                return
            self.visited.add(index)
            if is_bad:
                self.bad.add(index)
            if len(self.visited) < len(self.items):
                return
            if self.remarks:
                self.remarks.tell()
            if self.bad:
                warnings.warn(
                    f"{self.name}: skipped {len(self.bad)} of {len(self.items)} files",
                    stacklevel=3,
                )

    def indices(self):
        """All indices as a dataset."""
        return tf.data.Dataset.range(len(self.items))
