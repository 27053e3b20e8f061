"""How the values of a batch become one."""

from keras import ops


def reduce_batch(values, reduction):
    """Returns the mean of values (N,), or the values themselves.

    Args:
        values: Tensor (N,).
        reduction: "mean" or "none".

    Raises:
        ValueError: If `reduction` is neither.
    """
    if reduction not in ("mean", "none"):
        raise ValueError(
            f'Argument `reduction` should be "mean" or "none". Received: {reduction!r}'
        )
    return ops.mean(values) if reduction == "mean" else values
