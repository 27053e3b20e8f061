"""Share of the pixels on which masks do not decide."""

import keras
from keras import ops

from keras_explainer.metrics.map_arrays import as_maps
from keras_explainer.metrics.map_arrays import compare
from keras_explainer.metrics.map_arrays import ratio
from keras_explainer.metrics.map_arrays import sum_pixels
from keras_explainer.metrics.mean_over_images import MeanOverImages


def undecided_share(masks, truth=None, low=0.1, high=0.9):
    """Computes the share of pixels strictly between two values, per image.

    Args:
        masks: Array or tensor (N, H, W) or (N, H, W, 1) in [0, 1], or bool.
        truth: None, or an array or tensor of the same size whose void pixels (255)
            do not count.
        low: float. Lower end.
        high: float. Upper end.

    Returns:
        float32 tensor (N,) in [0, 1]; 0 for binary masks.

    Raises:
        ValueError: If the shapes do not suit each other.

    Example:

    >>> undecided_share(np.array([[[0.0, 0.3, 0.5, 1.0]]])).numpy().tolist()
    [0.5]
    """
    if truth is None:
        masks = as_maps(masks)
        valid = ops.ones_like(masks)
    else:
        masks, _, valid = compare(masks, truth)
    between = ops.logical_and(masks > low, masks < high)
    return ratio(sum_pixels(valid * ops.cast(between, "float32")), sum_pixels(valid))


@keras.saving.register_keras_serializable(package="keras_explainer")
class UndecidedShare(MeanOverImages):
    """Averages `undecided_share` over images.

    Args:
        low: float. Lower end.
        high: float. Upper end.

    Example:

    >>> model.compile(metrics=[UndecidedShare()])
    """

    def __init__(self, low=0.1, high=0.9, name="undecided_share", dtype=None):
        super().__init__(undecided_share, {"low": low, "high": high}, name, dtype)
