"""Checked NumPy pictures and masks out of arrays, tensors and lists."""

import numpy as np
from PIL import Image


def as_array(value, name):
    """Returns `value` as a NumPy array, lists and tensors included."""
    try:
        return np.asarray(value)
    except ValueError as error:  # A ragged list.
        raise ValueError(
            f"Argument `{name}` should be an array of one shape. Received: "
            f"{name}={type(value)}"
        ) from error


def as_image(image, name="image"):
    """Returns an RGB or grey picture with values 0..255 as uint8 (H, W, 3)."""
    image = as_array(image, name)
    if image.ndim == 2:
        image = image[..., np.newaxis]
    if image.ndim != 3 or image.shape[-1] not in (1, 3) or 0 in image.shape:
        raise ValueError(
            f"Argument `{name}` should have shape (H, W, 3), (H, W, 1) or (H, W). "
            f"Received: {name}.shape={image.shape}"
        )
    if image.dtype != np.uint8:
        image = _clipped_levels(image, name)
    return np.repeat(image, 3, axis=-1) if image.shape[-1] == 1 else image


def as_mask(mask, name="mask", size=None):
    """Returns a map in [0, 1] as float32 (H, W), resized to `size` if given."""
    mask = as_array(mask, name)
    if mask.ndim == 3 and mask.shape[-1] == 1:
        mask = mask[..., 0]
    if mask.ndim != 2 or 0 in mask.shape:
        raise ValueError(
            f"Argument `{name}` should have shape (H, W) or (H, W, 1). "
            f"Received: {name}.shape={mask.shape}"
        )
    mask = as_float(mask, name)
    low, high = mask.min(), mask.max()
    if not (low >= -1e-3 and high <= 1 + 1e-3):  # NaN fails here too.
        raise ValueError(
            f"Argument `{name}` should hold values from 0 to 1. "
            f"Received: {name} from {low:g} to {high:g}"
        )
    return resize(np.clip(mask, 0.0, 1.0), size or mask.shape)


def as_float(array, name):
    """Returns a numeric array, bfloat16 included, as float32."""
    try:
        return array.astype("float32")
    except (TypeError, ValueError) as error:
        raise ValueError(
            f"Argument `{name}` should be numeric. Received: {name}.dtype={array.dtype}"
        ) from error


def to_uint8(levels):
    """Rounds levels 0..255 to uint8, clipping what rounding pushed over."""
    return np.clip(np.rint(levels), 0, 255).astype("uint8")


def resize(pixels, size):
    """Resizes a uint8 picture (bicubic) or a float32 mask (bilinear) to (h, w)."""
    height, width = size
    if pixels.shape[:2] == (height, width):
        return pixels
    is_mask = pixels.ndim == 2
    filter_ = Image.Resampling.BILINEAR if is_mask else Image.Resampling.BICUBIC
    return np.array(Image.fromarray(pixels).resize((width, height), filter_))


def _clipped_levels(image, name):
    is_integer = np.issubdtype(image.dtype, np.integer)
    image = as_float(image, name)
    low, high = image.min(), image.max()
    # The slack lets through what bicubic resizing overshoots.
    in_range = low >= -16 and high <= 255 + 16
    if not in_range or (high <= 1 and image.any() and not is_integer):
        raise ValueError(
            f"Argument `{name}` should hold values from 0 to 255, not pixels already "
            f"scaled for a classifier. Received: {name} from {low:g} to {high:g}"
        )
    return to_uint8(image)
