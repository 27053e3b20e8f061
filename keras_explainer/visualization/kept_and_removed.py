import numpy as np

from keras_explainer.visualization.pixels import as_array


def kept_and_removed(kept_scores, removed_scores, shape):
    """Returns both as arrays of a shape, which hold None where nothing was verified.

    Args:
        kept_scores: Array, or None.
        removed_scores: Array, or None.
        shape: Tuple of ints, the shape of the scores that they belong to.

    Returns:
        Tuple of two arrays.

    Raises:
        ValueError: If one is given alone, or one has another shape.
    """
    if kept_scores is None and removed_scores is None:
        return np.full(shape, None), np.full(shape, None)
    found = {"kept_scores": kept_scores, "removed_scores": removed_scores}
    for name, scores in found.items():
        found[name] = None if scores is None else as_array(scores, name)
        received = None if scores is None else found[name].shape
        if received != shape:
            raise ValueError(
                f"Argument `{name}` should have shape {shape}, as the scores. "
                f"Received: {name}.shape={received}"
            )
    return tuple(found.values())
