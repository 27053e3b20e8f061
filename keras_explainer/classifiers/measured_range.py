"""The range of images, told from the images."""

import numpy as np


def measured_range(images):
    """Names the range that images are in, if their values leave no doubt.

    Args:
        images: Array or tensor (N, H, W, channels).

    Returns:
        "identity" for raw pixels 0..255, "0..1", "-1..1", or None.
    """
    values = np.asarray(images)
    least, most = float(values.min()), float(values.max())
    if least >= 0 and 20 < most <= 255:
        return "identity"
    if values.dtype.kind != "f":
        return None
    # All of the range: bright pictures in [-1, 1] may have no value below 0.
    if 0 <= least < 0.1 and 0.5 < most <= 1:
        return "0..1"
    if -1 <= least < -0.5 and 0.5 < most <= 1:
        return "-1..1"
    return None
