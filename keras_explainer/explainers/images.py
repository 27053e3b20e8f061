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
        hint = "; add the batch dimension with `image[None]`" if len(shape) == 3 else ""
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
