"""The entropy loss: a classifier that sees only the complement should not know."""

import math

from keras import ops

from keras_explainer.losses.reduction import reduce_batch


def entropy_loss(logits, normalized=False, reduction="mean"):
    """Computes the negative entropy of the softmax of logits.

    With the defaults this is what the authors' code computes: minus the entropy
    divided by the number of classes, and softmax whatever the classifier's head.
    It is bounded by log(C) / C, so its weight means less the more classes there
    are; `normalized=True` divides the entropy by log(C) instead, which gives
    values from -1 (uniform) to 0 (certain) for any number of classes.

    Args:
        logits: Tensor (N, C).
        normalized: Boolean. Divide by log(C) rather than by C.
        reduction: "mean" over the batch, or "none" for one value per image.

    Returns:
        A scalar, or a tensor (N,).

    Example:

    >>> round(float(entropy_loss(np.zeros((1, 4)))), 4)  # -log(4) / 4
    -0.3466
    >>> float(entropy_loss(np.zeros((1, 4)), normalized=True))
    -1.0

    Reference:
        Stalder et al., "What You See is What You Classify", NeurIPS 2022.
    """
    logits = ops.convert_to_tensor(logits)
    classes = logits.shape[-1]
    # The floor under p is 1e-16 in the authors' code.
    p = ops.maximum(ops.softmax(logits, axis=-1), 1e-16)
    scale = math.log(max(classes, 2)) if normalized else classes
    return reduce_batch(ops.sum(p * ops.log(p), axis=-1) / scale, reduction)
