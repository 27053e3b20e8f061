"""Mask logits of masks that are 0 or 1."""

from keras import ops

# What a margin of 1 becomes.
_DECIDED = 1e6
# The sigmoid of this is 1 to float precision, and of its negative 0.
_LEAST = 104.0


def binary_mask_logits(margins):
    """Returns logits whose masks are 1 where a margin is positive and 0 elsewhere.

    Enlarged, their outlines run where the interpolated margin is 0, and stay hard.

    Args:
        margins: Tensor of any shape.
    """
    logits = _DECIDED * margins
    return ops.where(
        margins > 0, ops.maximum(logits, _LEAST), ops.minimum(logits, -_LEAST)
    )


def margins_of(logits):
    """Returns the margins that `binary_mask_logits` made logits of, about, if small."""
    return logits / _DECIDED


def shared_binary_mask_logits(selection, classes, num_classes):
    """Returns the logits (N, h, w, K) of a selection of cells that all classes share.

    Args:
        selection: Tensor (N, h, w), 1 for the selected cells and 0 for the others.
        classes: Integer tensor (N, K), or None for all classes.
        num_classes: int, the number of all classes.
    """
    count = num_classes if classes is None else ops.shape(classes)[1]
    logits = binary_mask_logits(2.0 * selection - 1.0)
    return ops.repeat(logits[..., None], count, axis=-1)
