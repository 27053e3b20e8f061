"""Intersection over union close to the border of the object."""

import keras
from keras import ops

from keras_explainer.metrics.mask_metric import MaskMetric
from keras_explainer.metrics.mask_metric import compare
from keras_explainer.metrics.mask_metric import grow
from keras_explainer.metrics.mask_metric import known_where
from keras_explainer.metrics.mask_metric import ratio
from keras_explainer.metrics.mask_metric import sum_pixels


def trimap_iou(true_masks, masks, width=5, threshold=0.5):
    """Computes the IoU in a band around the object's border, per image.

    The band holds the pixels of the object at most `width` pixels from the
    background, and those of the background at most `width` pixels from the object,
    horizontally, vertically or diagonally. A void contour is part of the border:
    the band starts on either side of it. The edge of the image is no border.

    Args:
        true_masks: Array or tensor (N, H, W) or (N, H, W, 1): bool, or 0 for
            background, 255 for void (not counted), anything else for the object.
        masks: Array or tensor (N, H, W) or (N, H, W, 1) in [0, 1], or bool.
        width: int, at least 1. Pixels on each side of the border.
        threshold: float. A mask covers the pixels where it is at least this.

    Returns:
        float32 tensor (N,) in [0, 1]; NaN for images without any object in the
        band.

    Raises:
        ValueError: If the shapes do not suit each other or `width` is not a whole
            number from 1.

    Example:

    >>> true_mask = np.array([[[1, 1, 1, 0, 0, 0]]])
    >>> mask = np.array([[[1, 1, 1, 1, 0, 0]]])
    >>> trimap_iou(true_mask, mask, width=1).numpy().tolist()
    [0.5]

    Reference:
        Kohli et al., "Robust Higher Order Potentials for Enforcing Label
        Consistency", IJCV 2009.
    """
    if width != int(width) or width < 1:
        raise ValueError(
            f"Argument `width` should be a whole number from 1. Received: {width}"
        )
    masks, inside, valid = compare(true_masks, masks)
    masks = ops.cast(masks >= threshold, "float32")
    near_object = grow(ops.maximum(inside, 1.0 - valid), int(width))
    near_background = grow(1.0 - inside, int(width))
    band = valid * near_object * near_background
    truth_in_band = sum_pixels(inside * band)
    shared = sum_pixels(masks * inside * band)
    either = sum_pixels(ops.maximum(masks, inside) * band)
    return known_where(truth_in_band > 0, ratio(shared, either))


@keras.saving.register_keras_serializable(package="keras_explainer")
class TrimapIoU(MaskMetric):
    """Averages `trimap_iou` over images.

    Args:
        width: int. Pixels on each side of the border.
        threshold: float. A mask covers the pixels where it is at least this.

    Example:

    >>> metric = TrimapIoU(width=1)
    >>> metric.update_state(np.array([[[1, 1, 0, 0]]]), np.array([[[1, 1, 1, 0]]]))
    >>> float(metric.result())
    0.5
    >>> explainer.compile(metrics=[metric])  # measured where data hold true masks
    """

    def __init__(self, width=5, threshold=0.5, name="trimap_iou", dtype=None):
        options = {"width": width, "threshold": threshold}
        super().__init__(trimap_iou, options, name, dtype)
