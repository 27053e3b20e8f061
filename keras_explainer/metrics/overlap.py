"""How well masks overlap true masks: IoU and F1."""

import keras
from keras import ops

from keras_explainer.metrics.mask_metric import MaskMetric
from keras_explainer.metrics.mask_metric import compare
from keras_explainer.metrics.mask_metric import known_where
from keras_explainer.metrics.mask_metric import ratio
from keras_explainer.metrics.mask_metric import sum_pixels

IOU_THRESHOLDS = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9)


def iou(true_masks, masks, threshold=0.5):
    """Computes the intersection over union of binary masks, per image.

    Args:
        true_masks: Array or tensor (N, H, W) or (N, H, W, 1): bool, or 0 for
            background, 255 for void (not counted), anything else for the object.
        masks: Array or tensor (N, H, W) or (N, H, W, 1) in [0, 1], or bool.
        threshold: float. A mask covers the pixels where it is at least this.

    Returns:
        float32 tensor (N,) in [0, 1]; NaN for images without an object.

    Raises:
        ValueError: If the shapes do not suit each other.

    Example:

    >>> true_mask, mask = np.array([[[1, 0, 255]]]), np.array([[[0.9, 0.6, 0.1]]])
    >>> iou(true_mask, mask).numpy().tolist()
    [0.5]
    """
    masks, inside, valid = compare(true_masks, masks)
    return _overlap(ops.cast(masks >= threshold, "float32"), inside, valid)


def threshold_averaged_iou(true_masks, masks, thresholds=IOU_THRESHOLDS):
    """Computes the mean of `iou` over thresholds, per image.

    Args:
        true_masks: As for `iou`.
        masks: As for `iou`.
        thresholds: Sequence of floats. Defaults to 0.1, 0.2 ... 0.9.

    Returns:
        float32 tensor (N,) in [0, 1]; NaN for images without an object.

    Example:

    >>> true_mask, mask = np.array([[[1, 0]]]), np.array([[[0.9, 0.45]]])
    >>> value = threshold_averaged_iou(true_mask, mask)[0]
    >>> round(float(value), 4)  # 4 thresholds of 0.5, 5 of 1
    0.7778

    Reference:
        Stalder et al., "What You See is What You Classify", NeurIPS 2022.
    """
    return ops.mean(ops.stack([iou(true_masks, masks, t) for t in thresholds]), axis=0)


def continuous_iou(true_masks, masks):
    """Computes the sum of minima over the sum of maxima, per image.

    Args:
        true_masks: As for `iou`.
        masks: As for `iou`, in [0, 1].

    Returns:
        float32 tensor (N,) in [0, 1]; NaN for images without an object.

    Example:

    >>> true_mask, mask = np.array([[[1, 0]]]), np.array([[[0.5, 0.5]]])
    >>> round(float(continuous_iou(true_mask, mask)[0]), 4)
    0.3333

    Reference:
        Stalder et al., "What You See is What You Classify", NeurIPS 2022.
    """
    return _overlap(*compare(true_masks, masks))


def _overlap(masks, inside, valid):
    shared = sum_pixels(ops.minimum(masks, inside))
    either = sum_pixels(ops.maximum(masks, inside) * valid)
    return known_where(sum_pixels(inside) > 0, ratio(shared, either))


@keras.saving.register_keras_serializable(package="keras_explainer")
class IoU(MaskMetric):
    """Averages `iou` over images.

    Args:
        threshold: float. A mask covers the pixels where it is at least this.

    Example:

    >>> metric = IoU(threshold=0.5)
    >>> metric.update_state(np.array([[[1, 0, 255]]]), np.array([[[0.9, 0.6, 0.1]]]))
    >>> float(metric.result())
    0.5
    >>> explainer.compile(metrics=[metric])  # measured where data hold true masks
    """

    def __init__(self, threshold=0.5, name="iou", dtype=None):
        super().__init__(iou, {"threshold": threshold}, name, dtype)


@keras.saving.register_keras_serializable(package="keras_explainer")
class ThresholdAveragedIoU(MaskMetric):
    """Averages `threshold_averaged_iou` over images.

    Args:
        thresholds: Sequence of floats. Defaults to 0.1, 0.2 ... 0.9.

    Example:

    >>> metric = ThresholdAveragedIoU(thresholds=[0.25, 0.75])
    >>> metric.update_state(np.array([[[1, 0]]]), np.array([[[0.9, 0.5]]]))
    >>> float(metric.result())
    0.75
    >>> explainer.compile(metrics=[metric])  # measured where data hold true masks
    """

    def __init__(
        self, thresholds=IOU_THRESHOLDS, name="threshold_averaged_iou", dtype=None
    ):
        options = {"thresholds": list(thresholds)}
        super().__init__(threshold_averaged_iou, options, name, dtype)


@keras.saving.register_keras_serializable(package="keras_explainer")
class ContinuousIoU(MaskMetric):
    """Averages `continuous_iou` over images.

    Example:

    >>> metric = ContinuousIoU()
    >>> metric.update_state(np.array([[[1, 0]]]), np.array([[[0.5, 0.5]]]))
    >>> round(float(metric.result()), 4)
    0.3333
    >>> explainer.compile(metrics=[metric])  # measured where data hold true masks
    """

    def __init__(self, name="continuous_iou", dtype=None):
        super().__init__(continuous_iou, {}, name, dtype)


F1_THRESHOLDS = (0.25, 0.5, 0.75)


def f1(true_masks, masks, threshold=0.5):
    """Computes the F1 score of binary masks, per image.

    Args:
        true_masks: Array or tensor (N, H, W) or (N, H, W, 1): bool, or 0 for
            background, 255 for void (not counted), anything else for the object.
        masks: Array or tensor (N, H, W) or (N, H, W, 1) in [0, 1], or bool.
        threshold: float. A mask covers the pixels where it is at least this.

    Returns:
        float32 tensor (N,) in [0, 1]; NaN for images without an object.

    Raises:
        ValueError: If the shapes do not suit each other.

    Example:

    >>> true_mask, mask = np.array([[[1, 0, 255]]]), np.array([[[0.9, 0.6, 0.1]]])
    >>> round(float(f1(true_mask, mask)[0]), 4)
    0.6667
    """
    masks, inside, valid = compare(true_masks, masks)
    return _dice(ops.cast(masks >= threshold, "float32"), inside, valid)


def threshold_averaged_f1(true_masks, masks, thresholds=F1_THRESHOLDS):
    """Computes the mean of `f1` over thresholds, per image.

    Args:
        true_masks: As for `f1`.
        masks: As for `f1`.
        thresholds: Sequence of floats. Defaults to 0.25, 0.5 and 0.75.

    Returns:
        float32 tensor (N,) in [0, 1]; NaN for images without an object.

    Example:

    >>> true_mask, mask = np.array([[[1, 0]]]), np.array([[[0.9, 0.3]]])
    >>> round(float(threshold_averaged_f1(true_mask, mask)[0]), 4)  # 2/3, 1 and 1
    0.8889

    Reference:
        Stalder et al., "What You See is What You Classify", NeurIPS 2022.
    """
    return ops.mean(ops.stack([f1(true_masks, masks, t) for t in thresholds]), axis=0)


def continuous_f1(true_masks, masks):
    """Computes the F1 score of soft counts, per image.

    A pixel of the object with mask value m counts as m true positives and 1 - m
    false negatives; a pixel of the background as m false positives.

    Args:
        true_masks: As for `f1`.
        masks: As for `f1`, in [0, 1].

    Returns:
        float32 tensor (N,) in [0, 1]; NaN for images without an object.

    Example:

    >>> true_mask, mask = np.array([[[1, 0]]]), np.array([[[0.5, 0.5]]])
    >>> continuous_f1(true_mask, mask).numpy().tolist()
    [0.5]

    Reference:
        Stalder et al., "What You See is What You Classify", NeurIPS 2022.
    """
    return _dice(*compare(true_masks, masks))


def _dice(masks, inside, valid):
    hits = sum_pixels(masks * inside)
    total = sum_pixels(masks * valid) + sum_pixels(inside)
    return known_where(sum_pixels(inside) > 0, ratio(2 * hits, total))


@keras.saving.register_keras_serializable(package="keras_explainer")
class F1(MaskMetric):
    """Averages `f1` over images.

    Args:
        threshold: float. A mask covers the pixels where it is at least this.

    Example:

    >>> metric = F1(threshold=0.5)
    >>> metric.update_state(np.array([[[1, 0, 255]]]), np.array([[[0.9, 0.6, 0.1]]]))
    >>> round(float(metric.result()), 4)
    0.6667
    >>> explainer.compile(metrics=[metric])  # measured where data hold true masks
    """

    def __init__(self, threshold=0.5, name="f1", dtype=None):
        super().__init__(f1, {"threshold": threshold}, name, dtype)


@keras.saving.register_keras_serializable(package="keras_explainer")
class ThresholdAveragedF1(MaskMetric):
    """Averages `threshold_averaged_f1` over images.

    Args:
        thresholds: Sequence of floats. Defaults to 0.25, 0.5 and 0.75.

    Example:

    >>> metric = ThresholdAveragedF1(thresholds=[0.5, 0.75])
    >>> metric.update_state(np.array([[[1, 0]]]), np.array([[[0.9, 0.6]]]))
    >>> round(float(metric.result()), 4)
    0.8333
    >>> explainer.compile(metrics=[metric])  # measured where data hold true masks
    """

    def __init__(
        self, thresholds=F1_THRESHOLDS, name="threshold_averaged_f1", dtype=None
    ):
        options = {"thresholds": list(thresholds)}
        super().__init__(threshold_averaged_f1, options, name, dtype)


@keras.saving.register_keras_serializable(package="keras_explainer")
class ContinuousF1(MaskMetric):
    """Averages `continuous_f1` over images.

    Example:

    >>> metric = ContinuousF1()
    >>> metric.update_state(np.array([[[1, 0]]]), np.array([[[0.5, 0.5]]]))
    >>> float(metric.result())
    0.5
    >>> explainer.compile(metrics=[metric])  # measured where data hold true masks
    """

    def __init__(self, name="continuous_f1", dtype=None):
        super().__init__(continuous_f1, {}, name, dtype)
