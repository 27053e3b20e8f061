"""Mask logits of masks that are 0 or 1."""

from keras import ops

# The sigmoid of this is 1 to float precision, and of its negative 0.
_DECIDED = 1e6


def hard_logits(margins, classes=None, num_classes=None):
    """Returns logits whose masks are 1 where a margin is positive and 0 elsewhere.

    Enlarged, their outlines run where the interpolated margin is 0, and stay hard.

    Args:
        margins: Tensor (N, h, w, K), or (N, h, w) for a mask that all classes share.
        classes: Integer tensor (N, K), or None for all classes, that share a mask.
        num_classes: int, the number of all classes that share a mask.
    """
    logits = _DECIDED * margins
    if len(margins.shape) == 4:
        return logits
    count = num_classes if classes is None else ops.shape(classes)[1]
    return ops.repeat(logits[..., None], count, axis=-1)
