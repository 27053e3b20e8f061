"""How much of the object, and of the background, masks cover."""

import keras
from keras import ops

from keras_explainer.metrics.map_arrays import compare
from keras_explainer.metrics.map_arrays import ratio
from keras_explainer.metrics.map_arrays import sum_pixels
from keras_explainer.metrics.mean_over_images import MeanOverImages


def object_coverage(masks, truth):
    """Computes the share of the object that a mask covers, per image.

    Args:
        masks: Array or tensor (N, H, W) or (N, H, W, 1) in [0, 1], or bool.
        truth: Array or tensor of the same size, bool, or 0 for background, 255 for
            void (not counted), anything else for the object.

    Returns:
        float32 tensor (N,) in [0, 1], higher is better; NaN for images without an
        object.

    Raises:
        ValueError: If the shapes do not suit each other.

    Example:

    >>> mask, truth = np.array([[[1.0, 0.5, 0.2]]]), np.array([[[1, 1, 0]]])
    >>> object_coverage(mask, truth).numpy().tolist()
    [0.75]

    Reference:
        Stalder et al., "What You See is What You Classify", NeurIPS 2022.
    """
    masks, inside, _ = compare(masks, truth)
    return ratio(sum_pixels(inside * ops.minimum(masks, 1.0)), sum_pixels(inside))


def background_coverage(masks, truth):
    """Computes the share of the background that a mask covers, per image.

    Args:
        masks: As for `object_coverage`.
        truth: As for `object_coverage`.

    Returns:
        float32 tensor (N,) in [0, 1], lower is better; NaN for images without
        background.

    Raises:
        ValueError: If the shapes do not suit each other.

    Example:

    >>> mask, truth = np.array([[[1.0, 0.5, 0.25]]]), np.array([[[1, 1, 0]]])
    >>> background_coverage(mask, truth).numpy().tolist()
    [0.25]

    Reference:
        Stalder et al., "What You See is What You Classify", NeurIPS 2022.
    """
    masks, inside, valid = compare(masks, truth)
    outside = valid - inside
    return ratio(sum_pixels(outside * ops.maximum(masks, 0.0)), sum_pixels(outside))


@keras.saving.register_keras_serializable(package="keras_explainer")
class ObjectCoverage(MeanOverImages):
    """Averages `object_coverage` over images."""

    def __init__(self, name="object_coverage", dtype=None):
        super().__init__(object_coverage, {}, name, dtype)


@keras.saving.register_keras_serializable(package="keras_explainer")
class BackgroundCoverage(MeanOverImages):
    """Averages `background_coverage` over images."""

    def __init__(self, name="background_coverage", dtype=None):
        super().__init__(background_coverage, {}, name, dtype)
