"""Whether the highest values of maps are on the object, whatever their range."""

import keras
from keras import ops

from keras_explainer import backend
from keras_explainer.metrics.mask_metric import MaskMetric
from keras_explainer.metrics.mask_metric import compare
from keras_explainer.metrics.mask_metric import grow
from keras_explainer.metrics.mask_metric import known_where
from keras_explainer.metrics.mask_metric import ratio
from keras_explainer.metrics.mask_metric import sum_pixels


def pointing_game(true_masks, masks, tolerance=0):
    """Tells whether the highest point of a map is on the object, per image.

    If several pixels share the highest value, the share of them that is on the
    object counts: a constant map scores the object's area, as a random guess does.

    Args:
        true_masks: Array or tensor (N, H, W) or (N, H, W, 1): bool, or 0 for
            background, 255 for void (never the highest point), anything else for the
            object.
        masks: Array or tensor (N, H, W) or (N, H, W, 1), of any range.
        tolerance: int. Pixels beside the object that still count as a hit (a
            square neighbourhood). The paper uses 15.

    Returns:
        float32 tensor (N,) in [0, 1]; NaN for images without an object.

    Raises:
        ValueError: If the shapes do not suit each other.

    Example:

    >>> true_mask, mask = np.array([[[0, 1, 1]]]), np.array([[[0.2, 0.9, 0.1]]])
    >>> pointing_game(true_mask, mask).numpy().tolist()
    [1.0]

    Reference:
        Zhang et al., "Top-down Neural Attention by Excitation Backprop", ECCV 2016.
    """
    masks, inside, valid = compare(true_masks, masks)
    heights = ops.where(valid > 0, masks, float("-inf"))
    highest = ops.max(heights, axis=(1, 2), keepdims=True)
    points = valid * ops.cast(heights == highest, "float32")
    target = grow(inside, tolerance) if tolerance else inside
    share = ratio(sum_pixels(points * target), sum_pixels(points))
    return known_where(sum_pixels(inside) > 0, share)


@keras.saving.register_keras_serializable(package="keras_explainer")
class PointingGame(MaskMetric):
    """Averages `pointing_game` over images.

    Args:
        tolerance: int. Pixels beside the object that still count as a hit.

    Example:

    >>> metric = PointingGame(tolerance=1)
    >>> metric.update_state(np.array([[[0, 0, 1]]]), np.array([[[0.2, 0.9, 0.1]]]))
    >>> float(metric.result())
    1.0
    >>> explainer.compile(metrics=[metric])  # measured where data hold true masks
    """

    def __init__(self, tolerance=0, name="pointing_game", dtype=None):
        super().__init__(pointing_game, {"tolerance": tolerance}, name, dtype)


def roc_auc(true_masks, masks):
    """Computes the area under the ROC curve of the pixels, per image.

    It is the probability that a pixel of the object has a larger value than one of
    the background, ties counting half, so that only the order of values matters.

    Args:
        true_masks: Array or tensor (N, H, W) or (N, H, W, 1): bool, or 0 for
            background, 255 for void (not counted), anything else for the object.
        masks: Array or tensor (N, H, W) or (N, H, W, 1), of any range.

    Returns:
        float32 tensor (N,) in [0, 1]; NaN for images without an object or without
        background.

    Raises:
        ValueError: If the shapes do not suit each other.

    Example:

    >>> true_mask, mask = np.array([[[1, 1, 0]]]), np.array([[[0.9, 0.6, 0.6]]])
    >>> roc_auc(true_mask, mask).numpy().tolist()
    [0.75]
    """
    masks, inside, valid = (
        ops.reshape(part, (ops.shape(part)[0], -1))
        for part in compare(true_masks, masks)
    )
    # Void pixels rank below all others; sums of ranks exceed float32.
    wide = backend.WIDE_FLOAT
    scores = ops.where(valid > 0, masks, float("-inf"))
    void = ops.sum(ops.cast(1.0 - valid, wide), axis=1)
    in_order = ops.sort(scores, axis=1)
    below = backend.searchsorted(in_order, scores, "left")
    up_to = backend.searchsorted(in_order, scores, "right")
    ranks = (ops.cast(below + up_to + 1, wide)) / 2 - void[:, None]
    inside = ops.cast(inside, wide)
    positives = ops.sum(inside, axis=1)
    negatives = ops.cast(ops.shape(scores)[1], wide) - void - positives
    mean_rank = ops.divide_no_nan(ops.sum(ranks * inside, axis=1), positives)
    auc = ops.divide_no_nan(mean_rank - (positives + 1) / 2, negatives)
    return known_where(positives * negatives > 0, ops.cast(auc, "float32"))


@keras.saving.register_keras_serializable(package="keras_explainer")
class ROCAUC(MaskMetric):
    """Averages `roc_auc` over images.

    Example:

    >>> metric = ROCAUC()
    >>> metric.update_state(np.array([[[1, 1, 0]]]), np.array([[[0.9, 0.6, 0.6]]]))
    >>> float(metric.result())
    0.75
    >>> explainer.compile(metrics=[metric])  # measured where data hold true masks
    """

    def __init__(self, name="roc_auc", dtype=None):
        super().__init__(roc_auc, {}, name, dtype)


def energy_inside(true_masks, masks):
    """Computes the share of a map's positive sum that is on the object, per image.

    Args:
        true_masks: Array or tensor (N, H, W) or (N, H, W, 1): bool, or 0 for
            background, 255 for void (not counted), anything else for the object.
        masks: Array or tensor (N, H, W) or (N, H, W, 1), of any range; negative
            values count as 0.

    Returns:
        float32 tensor (N,) in [0, 1]; 0 for maps without a positive value, NaN for
        images without an object.

    Raises:
        ValueError: If the shapes do not suit each other.

    Example:

    >>> true_mask, mask = np.array([[[1, 0, 0]]]), np.array([[[3.0, 1.0, -2.0]]])
    >>> energy_inside(true_mask, mask).numpy().tolist()
    [0.75]

    Reference:
        Wang et al., "Score-CAM: Score-Weighted Visual Explanations for
        Convolutional Neural Networks", CVPR Workshops 2020.
    """
    masks, inside, valid = compare(true_masks, masks)
    energy = ops.maximum(masks, 0.0) * valid
    total = sum_pixels(energy)
    share = sum_pixels(energy * inside) / ops.where(total > 0, total, 1.0)
    return known_where(sum_pixels(inside) > 0, share)


@keras.saving.register_keras_serializable(package="keras_explainer")
class EnergyInside(MaskMetric):
    """Averages `energy_inside` over images.

    Example:

    >>> metric = EnergyInside()
    >>> metric.update_state(np.array([[[1, 0, 0]]]), np.array([[[3.0, 1.0, -2.0]]]))
    >>> float(metric.result())
    0.75
    >>> explainer.compile(metrics=[metric])  # measured where data hold true masks
    """

    def __init__(self, name="energy_inside", dtype=None):
        super().__init__(energy_inside, {}, name, dtype)
