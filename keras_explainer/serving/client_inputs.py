"""Looking at images and targets before they are sent to a server.

With batching on, a server puts requests together: a bad one fails the others too, and
an empty one is never answered.
"""

import numpy as np

_INT32 = np.iinfo("int32")


def checked_images(images):
    """Returns images as a float32 array (N, H, W, 3), N from 1.

    Args:
        images: Array-like of RGB images 0..255.

    Raises:
        ValueError: If it is none of these, or not finite.
    """
    images = _array("images", images)
    if images.dtype.kind not in "uif":
        raise ValueError(
            "Argument `images` should be an array of numbers from 0 to 255. "
            f"Received: dtype {images.dtype}"
        )
    if images.ndim != 4 or images.shape[-1] != 3 or 0 in images.shape:
        raise ValueError(
            "Argument `images` should have the shape (N, H, W, 3), with one image or "
            f"more. Received: shape {images.shape}"
        )
    with np.errstate(over="ignore"):
        images = images.astype("float32", copy=False)
    if not np.isfinite(images).all():
        raise ValueError(
            "Argument `images` should be finite. Received: NaN or infinity"
        )
    return images


def checked_targets(targets, count):
    """Returns one class per image as an int32 array (N,).

    Args:
        targets: An int for all images, or a list of ints, one per image.
        count: int, N.

    Raises:
        ValueError: If it is none of these.
    """
    array = _array("targets", targets)
    whole = array.dtype.kind in "ui"
    fits = whole and np.all((array >= 0) & (array <= _INT32.max))
    if not fits or array.shape not in ((), (count,)):
        raise ValueError(
            "Argument `targets` should be the index of a class, a whole number from 0, "
            f"or a list of one per image (here {count}). Received: {targets!r}"
        )
    return np.broadcast_to(array, (count,)).astype("int32")


def check_served(limits, images, targets=()):
    """Raises a ValueError if the served model does not take these images or targets.

    Args:
        limits: Tuple of height, width and number of classes, None where not known.
        images: Array (N, H, W, 3).
        targets: Array (N,), or nothing.
    """
    *size, classes = limits
    if any(side not in (None, own) for side, own in zip(size, images.shape[1:3])):
        height, width = size
        raise ValueError(
            f"Argument `images` should have the served model's shape (N, {height}, "
            f"{width}, 3); the path of a picture may have any size. "
            f"Received: shape {images.shape}"
        )
    if classes and np.any(np.asarray(targets) >= classes):
        raise ValueError(
            "Argument `targets` should be classes of the served model, from 0 to "
            f"{classes - 1}. Received: {np.max(targets)}"
        )


def _array(name, values):
    try:
        return np.asarray(values)
    except (ValueError, TypeError) as error:
        raise ValueError(
            f"Argument `{name}` should be an array of numbers. "
            f"Received: {type(values).__name__} ({error})"
        ) from None
