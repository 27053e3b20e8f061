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


def log_odds_of_present(logits, present, multi_label):
    """Returns the log-odds (N, C) of each class that is present, as if it were alone.

    Classes that exclude each other share one probability: of several that are there,
    each would be unlikely for the others' sake. So they are compared with those classes
    only that are not there, if any.

    Args:
        logits: Tensor (N, C).
        present: Multi-hot tensor (N, C).
        multi_label: Boolean, as for `log_odds`.
    """
    odds = log_odds(logits, multi_label)
    if multi_label:
        return odds
    present = present > 0
    several = ops.sum(ops.cast(present, "int32"), axis=-1, keepdims=True) > 1
    some_are_not = ~ops.all(present, axis=-1, keepdims=True)
    # Large and finite: infinities have no slope.
    absent = ops.where(present & some_are_not, -1e9, logits)
    among_absent = logits - ops.logsumexp(absent, axis=(-1,), keepdims=True)
    return ops.where(several & some_are_not, among_absent, odds)


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
