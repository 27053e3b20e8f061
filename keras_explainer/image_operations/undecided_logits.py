"""The logit that is neither inside a mask nor outside it."""

from keras import ops

# Beyond it a logit says no more than that a cell is certain.
_CERTAIN = 8.0


def undecided_logits(logits):
    """Returns what counts as undecided in each mask: midway between its two levels.

    These are the level of the cells above the mask's mean and that of those below.

    Args:
        logits: Tensor (N, h, w, K) of mask logits.

    Returns:
        Tensor (N, 1, 1, K). It rises where all logits of a mask do, by no more than
        they do.

    Example:

    >>> masks = np.array([[-4.0, 4.0, 4.0], [-4.0, -2.0, -2.0]])  # two of three cells
    >>> undecided_logits(masks.T.reshape(1, 1, 3, 2)).numpy().ravel().tolist()
    [0.0, -3.0]
    """
    mean = ops.mean(logits, axis=(1, 2), keepdims=True)
    inside = mean + _level(ops.relu(logits - mean))
    outside = mean - _level(ops.relu(mean - logits))
    inside, outside = (ops.clip(x, -_CERTAIN, _CERTAIN) for x in (inside, outside))
    return (inside + outside) / 2.0


def _level(distances):
    """Returns the mean of distances (N, h, w, K), each as weighty as it is long.

    Of cells on two levels it is their distance, whatever share of them has which.
    """
    total = ops.sum(distances, axis=(1, 2), keepdims=True)
    squares = ops.sum(ops.square(distances), axis=(1, 2), keepdims=True)
    return squares / ops.maximum(total, 1e-6)
