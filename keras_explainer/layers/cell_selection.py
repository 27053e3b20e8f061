"""A fixed number of cells: drawn in training, the largest at inference."""

import keras
from keras import ops

from keras_explainer import backend


def drawn_cells(logits, count, temperature, seed=None):
    """Draws cells by the Gumbel trick, softly enough for a gradient.

    Args:
        logits: Tensor (N, h, w).
        count: int. Cells that are drawn, with replacement.
        temperature: float. The lower, the harder each draw.
        seed: Pair of int or int tensors, or None. None draws anew at each call.

    Returns:
        Tensor (N, h, w) in [0, 1], the maximum of the draws.

    Reference:
        Chen et al., "Learning to Explain", ICML 2018.
    """
    cells = _flat(logits)
    shape = (*ops.shape(cells), count)
    if seed is None:
        noise = keras.random.uniform(shape, 1e-6, 1.0)
    else:
        noise = backend.uniform_per_image(shape, seed, 1e-6, 1.0)
    noisy = cells[..., None] - ops.log(-ops.log(noise))
    draws = ops.softmax(noisy / temperature, axis=1)
    return ops.reshape(ops.max(draws, axis=-1), ops.shape(logits))


def largest_cells(logits, count):
    """Returns 1 in the `count` largest cells of logits (N, h, w), and 0 elsewhere."""
    cells = _flat(logits)
    size = ops.shape(cells)[1]
    count = min(count, size) if isinstance(size, int) else ops.minimum(count, size)
    places = ops.top_k(cells, count)[1]
    return ops.reshape(ops.sum(ops.one_hot(places, size), axis=1), ops.shape(logits))


def _flat(logits):
    height, width = ops.shape(logits)[1:3]
    return ops.reshape(logits, (-1, height * width))
