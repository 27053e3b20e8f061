"""Terms of what the classifier says of the parts of an image."""

import math

from keras import ops

from keras_explainer.losses.reduction import reduce_batch


def classification_loss(logits, answers, multi_label, per_label=False):
    """Computes the cross-entropy of each image.

    A mean over independent classes is the smaller the more of them there are, and what
    is asked of each label with it; `per_label=True` gives what one label costs, which
    means the same for eight independent classes as for a softmax of a thousand.

    Args:
        logits: Tensor (N, C).
        answers: Tensor (N, C): labels, or the probabilities to reproduce.
        multi_label: Boolean. Whether classes are independent (the mean over classes
            of the binary cross-entropy) or exclude each other (softmax).
        per_label: Boolean. Divide the sum over classes by the number of labels.

    Returns:
        Tensor (N,).

    Example:

    >>> loss = classification_loss(np.zeros((1, 2)), np.array([[1.0, 0]]), False)
    >>> round(float(loss[0]), 4)
    0.6931
    """
    if multi_label:
        entropy = ops.binary_crossentropy(answers, logits, from_logits=True)
        if not per_label:
            return ops.mean(entropy, axis=-1)
        total = ops.sum(entropy, axis=-1)
    else:
        # Keras' own has the gradient of rows that add up to 1, whatever they do.
        total = -ops.sum(answers * ops.log_softmax(logits, axis=-1), axis=-1)
    return total / ops.maximum(ops.sum(answers, axis=-1), 1.0) if per_label else total


def answer_cost(logits, multi_label):
    """Computes what a label costs where a classifier answers so, the mean over classes.

    That is the mean of `classification_loss(..., per_label=True)` over each class as
    the only label: the log-partition of the logits less their mean. It is at least
    log(C): no answer is sure of every class alone.

    Args:
        logits: Tensor (N, C).
        multi_label: Boolean, as for `classification_loss`.

    Returns:
        Tensor (N,), in nats.

    Example:

    >>> round(float(answer_cost(np.zeros((1, 1000)), False)[0]), 4)  # log(1000)
    6.9078
    """
    if multi_label:
        partition = ops.sum(ops.softplus(logits), axis=-1)
    else:
        partition = ops.logsumexp(logits, axis=(-1,))
    return partition - ops.mean(logits, axis=-1)


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
