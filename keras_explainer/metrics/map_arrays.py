"""Maps and true masks in every form users have them, checked."""

import numpy as np
import tensorflow as tf
from keras import ops

VOID = 255


def as_maps(maps, argument="masks"):
    """Returns maps as a float32 tensor (N, H, W).

    Args:
        maps: Array or tensor (N, H, W) or (N, H, W, 1), numbers or bool.
        argument: Name of the argument, for the error.

    Raises:
        ValueError: If the shape is neither or a value is not finite.

    Example:

    >>> as_maps(np.array([[[[True], [False]]]])).shape
    TensorShape([1, 1, 2])
    """
    if not hasattr(maps, "shape"):
        maps = np.asarray(maps)
    shape = tuple(maps.shape)
    if len(shape) == 4 and shape[-1] == 1:
        maps = maps[..., 0]
    elif len(shape) != 3:
        raise ValueError(
            f"Argument `{argument}` should have the shape (N, H, W) or (N, H, W, 1). "
            f"Received: shape {shape}"
        )
    maps = ops.cast(maps, "float32")
    # Inside a graph there are no values to look at.
    if not tf.is_symbolic_tensor(maps) and not np.isfinite(np.asarray(maps)).all():
        raise ValueError(
            f"Argument `{argument}` should be finite. Received: NaN or infinity"
        )
    return maps


def compare(masks, truth):
    """Returns masks, and which pixels are object and which count.

    Args:
        masks: Array or tensor (N, H, W) or (N, H, W, 1), numbers or bool.
        truth: Array or tensor of the same size, bool, or numbers: 0 for background,
            255 for void, anything else for the object.

    Returns:
        Tuple of float32 tensors (N, H, W): the masks, 1 on the object, and 1 where
        the pixel is not void.

    Raises:
        ValueError: If the shapes do not suit each other.
    """
    masks, truth = as_maps(masks), as_maps(truth, "truth")
    if tuple(masks.shape[1:]) != tuple(truth.shape[1:]) or (
        None not in (masks.shape[0], truth.shape[0])
        and masks.shape[0] != truth.shape[0]
    ):
        raise ValueError(
            "Argument `truth` should have the shape of the masks, "
            f"{tuple(masks.shape)}. Received: shape {tuple(truth.shape)}"
        )
    valid = ops.cast(truth != VOID, "float32")
    return masks, ops.cast(truth > 0, "float32") * valid, valid


def sum_pixels(values):
    """Returns the sums (N,) of maps (N, H, W)."""
    return ops.sum(values, axis=(1, 2))


def known_where(known, values):
    """Returns the values (N,), or NaN where they are not defined."""
    return ops.where(known, values, float("nan"))


def ratio(values, totals):
    """Returns values / totals (N,), or NaN where the total is 0."""
    return known_where(totals > 0, values / ops.where(totals > 0, totals, 1.0))


def grow(region, width):
    """Returns a region (N, H, W) of 0 and 1, `width` pixels larger on each side."""
    return ops.max_pool(region[..., None], 2 * width + 1, strides=1, padding="same")[
        ..., 0
    ]
