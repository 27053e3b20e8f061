"""Checks of the images that users hand over."""

import numpy as np


def check_images(images, image_shape):
    """Raises a ValueError if images do not suit the classifier.

    Args:
        images: Array or tensor (N, H, W, channels).
        image_shape: Tuple of the height, width and channels expected, None if open.

    Raises:
        ValueError: If the shape or type is wrong or a value is not finite.
    """
    shape = tuple(images.shape)
    matches = len(shape) == 4 and all(
        expected in (None, size) for expected, size in zip(image_shape, shape[1:])
    )
    if not matches:
        expected = ", ".join(str(size or "any") for size in image_shape)
        hint = _hint(shape, tuple(image_shape))
        raise ValueError(
            f"Images should have the shape (N, {expected}){hint}. "
            f"Received: shape {shape}"
        )
    values = np.asarray(images)
    if values.dtype.kind not in "iufb" and values.dtype.name != "bfloat16":
        raise ValueError(f"Images should be numbers. Received: dtype {values.dtype}")
    if not values.size:
        raise ValueError(f"Images should hold at least one. Received: shape {shape}")
    if values.dtype.kind == "f" and not np.isfinite(values).all():
        raise ValueError(
            "Images should be finite. Received: NaN or infinity in image "
            f"{int(np.argmin(np.isfinite(values).all(axis=(1, 2, 3))))}"
        )


def _hint(shape, image_shape):
    """Says what makes images of one shape suit another, or nothing."""

    def suits(sizes):
        return len(sizes) == 3 and all(
            expected in (None, size) for expected, size in zip(image_shape, sizes)
        )

    if len(shape) == 3 and suits((*shape[1:], 1)) and not suits(shape):
        return "; add the axis of channels with `images[..., None]`"
    if len(shape) == 3 and suits((*shape[1:], 3)) and not suits(shape):
        return "; make three channels with `np.repeat(images[..., None], 3, axis=-1)`"
    if len(shape) == 3:
        return "; add the batch dimension with `image[None]`"
    if len(shape) == 4 and shape[3] == 1 and suits((*shape[1:3], 3)):
        return "; make three channels with `np.repeat(images, 3, axis=-1)`"
    if len(shape) == 4 and suits((*shape[2:], shape[1])):
        return "; move the channels to the end with `np.moveaxis(images, 1, -1)`"
    return ""
