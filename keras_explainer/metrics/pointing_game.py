"""The pointing game: is the highest point of a map on the object?"""

import keras
from keras import ops

from keras_explainer.metrics.map_arrays import compare
from keras_explainer.metrics.map_arrays import grow
from keras_explainer.metrics.map_arrays import known_where
from keras_explainer.metrics.map_arrays import ratio
from keras_explainer.metrics.map_arrays import sum_pixels
from keras_explainer.metrics.mean_over_images import MeanOverImages


def pointing_game(masks, truth, tolerance=0):
    """Tells whether the highest point of a map is on the object, per image.

    If several pixels share the highest value, the share of them that is on the
    object counts: a constant map scores the object's area, as a random guess does.

    Args:
        masks: Array or tensor (N, H, W) or (N, H, W, 1), of any range.
        truth: Array or tensor of the same size, bool, or 0 for background, 255 for
            void (never the highest point), anything else for the object.
        tolerance: int. Pixels beside the object that still count as a hit (a
            square neighbourhood). The paper uses 15.

    Returns:
        float32 tensor (N,) in [0, 1]; NaN for images without an object.

    Raises:
        ValueError: If the shapes do not suit each other.

    Example:

    >>> mask, truth = np.array([[[0.2, 0.9, 0.1]]]), np.array([[[0, 1, 1]]])
    >>> pointing_game(mask, truth).numpy().tolist()
    [1.0]

    Reference:
        Zhang et al., "Top-down Neural Attention by Excitation Backprop", ECCV 2016.
    """
    masks, inside, valid = compare(masks, truth)
    heights = ops.where(valid > 0, masks, float("-inf"))
    highest = ops.max(heights, axis=(1, 2), keepdims=True)
    points = valid * ops.cast(heights == highest, "float32")
    target = grow(inside, tolerance) if tolerance else inside
    share = ratio(sum_pixels(points * target), sum_pixels(points))
    return known_where(sum_pixels(inside) > 0, share)


@keras.saving.register_keras_serializable(package="keras_explainer")
class PointingGame(MeanOverImages):
    """Averages `pointing_game` over images.

    Args:
        tolerance: int. Pixels beside the object that still count as a hit.

    Example:

    >>> model.compile(metrics=[PointingGame(tolerance=15)])
    """

    def __init__(self, tolerance=0, name="pointing_game", dtype=None):
        super().__init__(pointing_game, {"tolerance": tolerance}, name, dtype)
