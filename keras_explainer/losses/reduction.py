"""How the values of a batch become one."""

from keras import ops

from keras_explainer.check_option import check_choice


def reduce_batch(values, reduction):
    """Returns the mean of values (N,), or the values themselves.

    Args:
        values: Tensor (N,).
        reduction: "mean" or "none".

    Raises:
        ValueError: If `reduction` is neither.
    """
    check_choice("reduction", reduction, ("mean", "none"))
    return ops.mean(values) if reduction == "mean" else values
