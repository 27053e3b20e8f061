"""Target and non-target masks: the pixel-wise maximum over classes."""

from keras import ops

# The sigmoid of this is 0 to float precision: an empty set of classes.
_EMPTY = -1e4


def aggregate_masks(class_logits, labels):
    """Merges class masks into the mask of the labelled classes and of the others.

    The maximum is taken over the logits of a set of classes, and the sigmoid of
    it returned. An empty set (an image without labels, or with all of them) gives
    a mask of zeros.

    Args:
        class_logits: Tensor (N, H, W, C), the class masks before the sigmoid.
        labels: Multi-hot tensor (N, C) of 0 and 1.

    Returns:
        Tuple of the target mask and the non-target mask, both (N, H, W) in [0, 1].

    Example:

    >>> class_logits = np.array([[[[10.0, -10.0, 0.0]]]])
    >>> target, non_target = aggregate_masks(class_logits, np.array([[1, 0, 0]]))
    >>> round(float(target[0, 0, 0]), 4), float(non_target[0, 0, 0])
    (1.0, 0.5)

    Reference:
        Stalder et al., "What You See is What You Classify", NeurIPS 2022.
    """
    class_logits = ops.convert_to_tensor(class_logits)
    present = ops.cast(labels, "bool")[:, None, None, :]
    empty = ops.cast(_EMPTY, class_logits.dtype)
    target = ops.max(ops.where(present, class_logits, empty), axis=-1)
    non_target = ops.max(ops.where(present, empty, class_logits), axis=-1)
    return ops.sigmoid(target), ops.sigmoid(non_target)
