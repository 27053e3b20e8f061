"""The classifier's loss on what a mask keeps."""

from keras import ops


def classification_loss(logits, answers, multi_label):
    """Computes the cross-entropy of each image.

    Args:
        logits: Tensor (N, C).
        answers: Tensor (N, C): labels, or the probabilities to reproduce.
        multi_label: Boolean. Whether classes are independent (the mean over classes
            of the binary cross-entropy) or exclude each other (softmax).

    Returns:
        Tensor (N,).

    Example:

    >>> loss = classification_loss(np.zeros((1, 2)), np.array([[1.0, 0]]), False)
    >>> round(float(loss[0]), 4)
    0.6931
    """
    if multi_label:
        entropy = ops.binary_crossentropy(answers, logits, from_logits=True)
        return ops.mean(entropy, axis=-1)
    return ops.categorical_crossentropy(answers, logits, from_logits=True)
