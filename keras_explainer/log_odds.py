"""From the logits of classes to the log-odds of each."""

from keras import ops


def log_odds(logits, multi_label):
    """Returns log p / (1 - p) of each class.

    Of softmax that is the logit less the logarithm of the sum of the others'
    exponentials, exact however sure the classifier is.

    Args:
        logits: Tensor (..., C), of at least 2 classes where they exclude each other.
        multi_label: Boolean. Whether classes are independent (sigmoid) or exclude each
            other (softmax).

    Returns:
        Tensor (..., C).
    """
    return logits if multi_label else _softmax_log_odds(logits)


def _softmax_log_odds(logits):
    """Returns logits less the logarithm of the sum of the other classes' exponentials.

    All classes share one sum. That without the largest class is taken apart, since
    subtracting nearly all of a sum leaves nothing; of the others, none is more than
    half of it.
    """
    top, first = ops.top_k(logits, 1)  # Keras' `argmax` is none of LiteRT's.
    first = ops.cast(first, "int32")
    is_top = ops.equal(ops.arange(logits.shape[-1], dtype="int32"), first)
    below = ops.where(is_top, -float("inf"), logits)
    # A tuple, as the first Kerases that run this want it.
    rest = ops.logsumexp(below, axis=(-1,), keepdims=True)
    total = top + ops.softplus(rest - top)
    share = ops.where(is_top, 0.0, ops.exp(logits - total))
    return logits - ops.where(is_top, rest, total + ops.log1p(-share))
