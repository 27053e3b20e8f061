"""F1 score of the pixels of masks."""

import keras
from keras import ops

from keras_explainer.metrics.map_arrays import compare
from keras_explainer.metrics.map_arrays import known_where
from keras_explainer.metrics.map_arrays import ratio
from keras_explainer.metrics.map_arrays import sum_pixels
from keras_explainer.metrics.mean_over_images import MeanOverImages

F1_THRESHOLDS = (0.25, 0.5, 0.75)


def f1(masks, truth, threshold=0.5):
    """Computes the F1 score of binary masks, per image.

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
    >>> round(float(f1(mask, truth)[0]), 4)
    0.6667
    """
    masks, inside, valid = compare(masks, truth)
    return _dice(ops.cast(masks >= threshold, "float32"), inside, valid)


def mean_f1(masks, truth, thresholds=F1_THRESHOLDS):
    """Computes the mean of `f1` over thresholds, per image.

    Args:
        masks: As for `f1`.
        truth: As for `f1`.
        thresholds: Sequence of floats. Defaults to 0.25, 0.5 and 0.75.

    Returns:
        float32 tensor (N,) in [0, 1]; NaN for images without an object.

    Example:

    >>> mask, truth = np.array([[[0.9, 0.3]]]), np.array([[[1, 0]]])
    >>> round(float(mean_f1(mask, truth)[0]), 4)  # 2/3, 1 and 1
    0.8889

    Reference:
        Stalder et al., "What You See is What You Classify", NeurIPS 2022.
    """
    return ops.mean(ops.stack([f1(masks, truth, t) for t in thresholds]), axis=0)


def continuous_f1(masks, truth):
    """Computes the F1 score of soft counts, per image.

    A pixel of the object with mask value m counts as m true positives and 1 - m
    false negatives; a pixel of the background as m false positives.

    Args:
        masks: As for `f1`, in [0, 1].
        truth: As for `f1`.

    Returns:
        float32 tensor (N,) in [0, 1]; NaN for images without an object.

    Example:

    >>> mask, truth = np.array([[[0.5, 0.5]]]), np.array([[[1, 0]]])
    >>> continuous_f1(mask, truth).numpy().tolist()
    [0.5]

    Reference:
        Stalder et al., "What You See is What You Classify", NeurIPS 2022.
    """
    return _dice(*compare(masks, truth))


def _dice(masks, inside, valid):
    hits = sum_pixels(masks * inside)
    total = sum_pixels(masks * valid) + sum_pixels(inside)
    return known_where(sum_pixels(inside) > 0, ratio(2 * hits, total))


@keras.saving.register_keras_serializable(package="keras_explainer")
class F1(MeanOverImages):
    """Averages `f1` over images.

    Args:
        threshold: float. A mask covers the pixels where it is at least this.

    Example:

    >>> model.compile(metrics=[F1(threshold=0.5)])
    """

    def __init__(self, threshold=0.5, name="f1", dtype=None):
        super().__init__(f1, {"threshold": threshold}, name, dtype)


@keras.saving.register_keras_serializable(package="keras_explainer")
class MeanF1(MeanOverImages):
    """Averages `mean_f1` over images.

    Args:
        thresholds: Sequence of floats. Defaults to 0.25, 0.5 and 0.75.
    """

    def __init__(self, thresholds=F1_THRESHOLDS, name="mean_f1", dtype=None):
        super().__init__(mean_f1, {"thresholds": list(thresholds)}, name, dtype)


@keras.saving.register_keras_serializable(package="keras_explainer")
class ContinuousF1(MeanOverImages):
    """Averages `continuous_f1` over images."""

    def __init__(self, name="continuous_f1", dtype=None):
        super().__init__(continuous_f1, {}, name, dtype)
