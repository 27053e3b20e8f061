"""Grey, RGB and RGBA images, one for another."""

import numpy as np
from keras import ops

# Of red, green and blue in grey (ITU-R BT.601), as Pillow has them.
_LUMINANCE = (0.299, 0.587, 0.114)


def with_channels(images, channels):
    """Converts images 0..255 to the channels asked for, where that is plain.

    Colours become grey, grey ones equal red, green and blue; transparency is laid
    over white, and where there is none yet, it is opaque.

    Args:
        images: Array or tensor (..., 1, 3 or 4), RGB in this order.
        channels: int.

    Returns:
        Array or tensor (..., channels); the images as they are if they have so many
        channels, or if nothing plain leads there.
    """
    found = images.shape[-1]
    if found == channels or not {found, channels} <= {1, 3, 4}:
        return images
    is_array = isinstance(images, np.ndarray)
    images = ops.cast(images, "float32")
    if found == 4:
        alpha = images[..., 3:] / 255.0
        images = images[..., :3] * alpha + 255.0 * (1.0 - alpha)
    if channels == 1:
        images = sum(w * images[..., i : i + 1] for i, w in enumerate(_LUMINANCE))
    elif found == 1:
        images = ops.repeat(images, 3, axis=-1)
    if channels == 4:
        opaque = ops.full_like(images[..., :1], 255.0)
        images = ops.concatenate([images, opaque], axis=-1)
    return ops.convert_to_numpy(images) if is_array else images
