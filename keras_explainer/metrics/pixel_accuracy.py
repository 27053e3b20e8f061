"""Share of the pixels on which masks and true masks agree."""

import keras
from keras import ops

from keras_explainer.metrics.map_arrays import compare
from keras_explainer.metrics.map_arrays import ratio
from keras_explainer.metrics.map_arrays import sum_pixels
from keras_explainer.metrics.mean_over_images import MeanOverImages


def pixel_accuracy(masks, truth, threshold=0.5):
    """Computes the share of pixels on which a mask is right, per image.

    Args:
        masks: Array or tensor (N, H, W) or (N, H, W, 1) in [0, 1], or bool.
        truth: Array or tensor of the same size, bool, or 0 for background, 255 for
            void (not counted), anything else for the object.
        threshold: float, at which masks are made binary, or None: then a pixel is
            right to the degree 1 - |mask - truth|, as in the paper.

    Returns:
        float32 tensor (N,) in [0, 1]; NaN for images of void only.

    Raises:
        ValueError: If the shapes do not suit each other.

    Example:

    >>> mask, truth = np.array([[[0.9, 0.6, 0.1]]]), np.array([[[1, 0, 255]]])
    >>> pixel_accuracy(mask, truth).numpy().tolist()
    [0.5]

    Reference:
        Stalder et al., "What You See is What You Classify", NeurIPS 2022.
    """
    masks, inside, valid = compare(masks, truth)
    if threshold is not None:
        masks = ops.cast(masks >= threshold, "float32")
    right = valid * (1.0 - ops.abs(masks - inside))
    return ratio(sum_pixels(right), sum_pixels(valid))


@keras.saving.register_keras_serializable(package="keras_explainer")
class PixelAccuracy(MeanOverImages):
    """Averages `pixel_accuracy` over images.

    Args:
        threshold: float, or None for soft masks, as for `pixel_accuracy`.

    Example:

    >>> model.compile(metrics=[PixelAccuracy()])
    """

    def __init__(self, threshold=0.5, name="pixel_accuracy", dtype=None):
        super().__init__(pixel_accuracy, {"threshold": threshold}, name, dtype)
