"""Shares of the pixels: covered, right, undecided."""

import keras
from keras import ops

from keras_explainer.metrics.mask_metric import MaskMetric
from keras_explainer.metrics.mask_metric import as_maps
from keras_explainer.metrics.mask_metric import compare
from keras_explainer.metrics.mask_metric import ratio
from keras_explainer.metrics.mask_metric import sum_pixels


def pixel_accuracy(true_masks, masks, threshold=0.5):
    """Computes the share of pixels on which a mask is right, per image.

    Args:
        true_masks: Array or tensor (N, H, W) or (N, H, W, 1): bool, or 0 for
            background, 255 for void (not counted), anything else for the object.
        masks: Array or tensor (N, H, W) or (N, H, W, 1) in [0, 1], or bool.
        threshold: float, at which masks are made binary, or None: then a pixel is
            right to the degree 1 - |true mask - mask|, as in the paper.

    Returns:
        float32 tensor (N,) in [0, 1]; NaN for images of void only.

    Raises:
        ValueError: If the shapes do not suit each other.

    Example:

    >>> true_mask, mask = np.array([[[1, 0, 255]]]), np.array([[[0.9, 0.6, 0.1]]])
    >>> pixel_accuracy(true_mask, mask).numpy().tolist()
    [0.5]

    Reference:
        Stalder et al., "What You See is What You Classify", NeurIPS 2022.
    """
    masks, inside, valid = compare(true_masks, masks)
    if threshold is not None:
        masks = ops.cast(masks >= threshold, "float32")
    right = valid * (1.0 - ops.abs(masks - inside))
    return ratio(sum_pixels(right), sum_pixels(valid))


@keras.saving.register_keras_serializable(package="keras_explainer")
class PixelAccuracy(MaskMetric):
    """Averages `pixel_accuracy` over images.

    Args:
        threshold: float, or None for soft masks, as for `pixel_accuracy`.

    Example:

    >>> metric = PixelAccuracy()
    >>> metric.update_state(np.array([[[1, 0, 255]]]), np.array([[[0.9, 0.6, 0.1]]]))
    >>> float(metric.result())
    0.5
    >>> explainer.compile(metrics=[metric])  # measured where data hold true masks
    """

    def __init__(self, threshold=0.5, name="pixel_accuracy", dtype=None):
        super().__init__(pixel_accuracy, {"threshold": threshold}, name, dtype)


def object_coverage(true_masks, masks):
    """Computes the share of the object that a mask covers, per image.

    Args:
        true_masks: Array or tensor (N, H, W) or (N, H, W, 1): bool, or 0 for
            background, 255 for void (not counted), anything else for the object.
        masks: Array or tensor (N, H, W) or (N, H, W, 1) in [0, 1], or bool.

    Returns:
        float32 tensor (N,) in [0, 1], higher is better; NaN for images without an
        object.

    Raises:
        ValueError: If the shapes do not suit each other.

    Example:

    >>> true_mask, mask = np.array([[[1, 1, 0]]]), np.array([[[1.0, 0.5, 0.2]]])
    >>> object_coverage(true_mask, mask).numpy().tolist()
    [0.75]

    Reference:
        Stalder et al., "What You See is What You Classify", NeurIPS 2022.
    """
    masks, inside, _ = compare(true_masks, masks)
    return ratio(sum_pixels(inside * ops.minimum(masks, 1.0)), sum_pixels(inside))


def background_coverage(true_masks, masks):
    """Computes the share of the background that a mask covers, per image.

    Args:
        true_masks: As for `object_coverage`.
        masks: As for `object_coverage`.

    Returns:
        float32 tensor (N,) in [0, 1], lower is better; NaN for images without
        background.

    Raises:
        ValueError: If the shapes do not suit each other.

    Example:

    >>> true_mask, mask = np.array([[[1, 1, 0]]]), np.array([[[1.0, 0.5, 0.25]]])
    >>> background_coverage(true_mask, mask).numpy().tolist()
    [0.25]

    Reference:
        Stalder et al., "What You See is What You Classify", NeurIPS 2022.
    """
    masks, inside, valid = compare(true_masks, masks)
    outside = valid - inside
    return ratio(sum_pixels(outside * ops.maximum(masks, 0.0)), sum_pixels(outside))


@keras.saving.register_keras_serializable(package="keras_explainer")
class ObjectCoverage(MaskMetric):
    """Averages `object_coverage` over images.

    Example:

    >>> metric = ObjectCoverage()
    >>> metric.update_state(np.array([[[1, 1, 0]]]), np.array([[[1.0, 0.5, 0.2]]]))
    >>> float(metric.result())
    0.75
    >>> explainer.compile(metrics=[metric])  # measured where data hold true masks
    """

    def __init__(self, name="object_coverage", dtype=None):
        super().__init__(object_coverage, {}, name, dtype)


@keras.saving.register_keras_serializable(package="keras_explainer")
class BackgroundCoverage(MaskMetric):
    """Averages `background_coverage` over images.

    Example:

    >>> metric = BackgroundCoverage()
    >>> metric.update_state(np.array([[[1, 1, 0]]]), np.array([[[1.0, 0.5, 0.25]]]))
    >>> float(metric.result())
    0.25
    >>> explainer.compile(metrics=[metric])  # measured where data hold true masks
    """

    higher_is_better = False

    def __init__(self, name="background_coverage", dtype=None):
        super().__init__(background_coverage, {}, name, dtype)


def undecided_share(true_masks, masks, low=0.1, high=0.9):
    """Computes the share of pixels strictly between two values, per image.

    Args:
        true_masks: Array or tensor (N, H, W) or (N, H, W, 1), whose void pixels (255)
            do not count, or None.
        masks: Array or tensor (N, H, W) or (N, H, W, 1) in [0, 1], or bool.
        low: float. Lower end.
        high: float. Upper end.

    Returns:
        float32 tensor (N,) in [0, 1]; 0 for binary masks.

    Raises:
        ValueError: If the shapes do not suit each other.

    Example:

    >>> undecided_share(None, np.array([[[0, 0.3, 0.5, 1]]])).numpy().tolist()
    [0.5]
    """
    if true_masks is None:
        masks = as_maps(masks)
        valid = ops.ones_like(masks)
    else:
        masks, _, valid = compare(true_masks, masks)
    between = ops.logical_and(masks > low, masks < high)
    return ratio(sum_pixels(valid * ops.cast(between, "float32")), sum_pixels(valid))


@keras.saving.register_keras_serializable(package="keras_explainer")
class UndecidedShare(MaskMetric):
    """Averages `undecided_share` over images.

    Args:
        low: float. Lower end.
        high: float. Upper end.

    Example:

    >>> metric = UndecidedShare()
    >>> metric.update_state(np.array([[[1, 1, 0, 0]]]), np.array([[[0, 0.3, 0.5, 1]]]))
    >>> float(metric.result())
    0.5
    >>> explainer.compile(metrics=[metric])  # measured where data hold true masks
    """

    higher_is_better = False

    def __init__(self, low=0.1, high=0.9, name="undecided_share", dtype=None):
        super().__init__(undecided_share, {"low": low, "high": high}, name, dtype)
