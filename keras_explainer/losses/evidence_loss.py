"""The evidence loss: the complement should hold no evidence of the targets."""

from keras import ops

from keras_explainer.losses.reduction import reduce_batch


def evidence_loss(log_odds, labels, sharpness=2.0, reduction="mean"):
    """Penalises evidence of the labelled classes that is left in the complement.

    A smooth hinge on the log-odds of each labelled class, softplus(sharpness * z) /
    sharpness, averaged over the labels. Once a class is less likely than not there
    is little left to gain, so that masks need not grow into the context to make it
    less likely still. It suits several labels, where the entropy of the softmax
    does not.

    Args:
        log_odds: Tensor (N, C), log p / (1 - p) of each class for the complement.
        labels: Multi-hot tensor (N, C).
        sharpness: float. The larger, the closer to max(z, 0).
        reduction: "mean" over the batch, or "none" for one value per image.

    Returns:
        A scalar, or a tensor (N,); 0 for images without labels.

    Example:

    >>> round(float(evidence_loss(np.array([[0.0, 5.0]]), np.array([[1, 0]]))), 4)
    0.3466
    """
    log_odds = ops.convert_to_tensor(log_odds)
    labels = ops.cast(labels, log_odds.dtype)
    hinge = ops.softplus(sharpness * log_odds) / sharpness
    count = ops.maximum(ops.sum(labels, axis=-1), 1.0)
    return reduce_batch(ops.sum(labels * hinge, axis=-1) / count, reduction)
