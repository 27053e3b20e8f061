"""Intersection over union of masks and true masks."""

import keras
from keras import ops

from keras_explainer.metrics.map_arrays import compare
from keras_explainer.metrics.map_arrays import known_where
from keras_explainer.metrics.map_arrays import ratio
from keras_explainer.metrics.map_arrays import sum_pixels
from keras_explainer.metrics.mean_over_images import MeanOverImages

THRESHOLDS = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9)


def iou(masks, truth, threshold=0.5):
    """Computes the intersection over union of binary masks, per image.

    Args:
        masks: Array or tensor (N, H, W) or (N, H, W, 1) in [0, 1], or bool.
        truth: Array or tensor of the same size, bool, or 0 for background, 255 for
            void (not counted), anything else for the object.
        threshold: float. A mask covers the pixels where it is at least this.

    Returns:
        float32 tensor (N,) in [0, 1]; NaN for images without an object.

    Raises:
        ValueError: If the shapes do not suit each other.

    Example:

    >>> mask, truth = np.array([[[0.9, 0.6, 0.1]]]), np.array([[[1, 0, 255]]])
    >>> iou(mask, truth).numpy().tolist()
    [0.5]
    """
    masks, inside, valid = compare(masks, truth)
    return _overlap(ops.cast(masks >= threshold, "float32"), inside, valid)


def mean_iou(masks, truth, thresholds=THRESHOLDS):
    """Computes the mean of `iou` over thresholds, per image.

    Args:
        masks: As for `iou`.
        truth: As for `iou`.
        thresholds: Sequence of floats. Defaults to 0.1, 0.2 ... 0.9.

    Returns:
        float32 tensor (N,) in [0, 1]; NaN for images without an object.

    Example:

    >>> mask, truth = np.array([[[0.9, 0.45]]]), np.array([[[1, 0]]])
    >>> round(float(mean_iou(mask, truth)[0]), 4)  # 4 thresholds of 0.5, 5 of 1
    0.7778

    Reference:
        Stalder et al., "What You See is What You Classify", NeurIPS 2022.
    """
    return ops.mean(ops.stack([iou(masks, truth, t) for t in thresholds]), axis=0)


def continuous_iou(masks, truth):
    """Computes the sum of minima over the sum of maxima, per image.

    Args:
        masks: As for `iou`, in [0, 1].
        truth: As for `iou`.

    Returns:
        float32 tensor (N,) in [0, 1]; NaN for images without an object.

    Example:

    >>> mask, truth = np.array([[[0.5, 0.5]]]), np.array([[[1, 0]]])
    >>> round(float(continuous_iou(mask, truth)[0]), 4)
    0.3333

    Reference:
        Stalder et al., "What You See is What You Classify", NeurIPS 2022.
    """
    return _overlap(*compare(masks, truth))


def _overlap(masks, inside, valid):
    shared = sum_pixels(ops.minimum(masks, inside))
    either = sum_pixels(ops.maximum(masks, inside) * valid)
    return known_where(sum_pixels(inside) > 0, ratio(shared, either))


@keras.saving.register_keras_serializable(package="keras_explainer")
class IoU(MeanOverImages):
    """Averages `iou` over images.

    Args:
        threshold: float. A mask covers the pixels where it is at least this.

    Example:

    >>> model.compile(metrics=[IoU(threshold=0.5)])
    """

    def __init__(self, threshold=0.5, name="iou", dtype=None):
        super().__init__(iou, {"threshold": threshold}, name, dtype)


@keras.saving.register_keras_serializable(package="keras_explainer")
class MeanIoU(MeanOverImages):
    """Averages `mean_iou` over images.

    Args:
        thresholds: Sequence of floats. Defaults to 0.1, 0.2 ... 0.9.
    """

    def __init__(self, thresholds=THRESHOLDS, name="mean_iou", dtype=None):
        super().__init__(mean_iou, {"thresholds": list(thresholds)}, name, dtype)


@keras.saving.register_keras_serializable(package="keras_explainer")
class ContinuousIoU(MeanOverImages):
    """Averages `continuous_iou` over images."""

    def __init__(self, name="continuous_iou", dtype=None):
        super().__init__(continuous_iou, {}, name, dtype)
