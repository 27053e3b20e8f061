"""Localisation by the tightest box around a mask."""

import keras
from keras import ops

from keras_explainer.metrics.mask_metric import MeanOverImages
from keras_explainer.metrics.mask_metric import as_maps


def mask_to_box(masks, threshold=0.5):
    """Returns the tightest box around each mask.

    Args:
        masks: Array or tensor (N, H, W) or (N, H, W, 1) in [0, 1], or bool.
        threshold: float. A mask covers the pixels where it is at least this.

    Returns:
        float32 tensor (N, 4): top, left, bottom, right in pixels, the last row and
        column excluded; zeros for empty masks.

    Raises:
        ValueError: If the shape of `masks` is wrong.

    Example:

    >>> mask_to_box(np.array([[[0, 0, 0], [0, 1, 1]]])).numpy().tolist()
    [[1.0, 1.0, 2.0, 3.0]]
    """
    covered = as_maps(masks) >= threshold
    ends = []
    for axis in (2, 1):
        line = ops.cast(ops.any(covered, axis=axis), "int32")
        first = ops.argmax(line, axis=1)
        last = ops.shape(line)[1] - ops.cast(ops.argmax(line[:, ::-1], axis=1), "int32")
        ends.append((ops.cast(first, "int32"), last))
    (top, bottom), (left, right) = ends
    boxes = ops.cast(ops.stack([top, left, bottom, right], axis=-1), "float32")
    return boxes * ops.cast(ops.any(covered, axis=(1, 2)), "float32")[:, None]


def box_iou(true_boxes, boxes):
    """Computes the intersection over union of boxes.

    Args:
        true_boxes: Array or tensor (..., 4): top, left, bottom, right, ends excluded.
        boxes: Array or tensor (..., 4) that broadcasts against `true_boxes`.

    Returns:
        float32 tensor (...); 0 where neither box has an area.

    Raises:
        ValueError: If the last dimension is not 4.

    Example:

    >>> float(box_iou([0, 0, 2, 2], [0, 1, 2, 3]))
    0.3333333432674408
    """
    true_boxes = ops.cast(true_boxes, "float32")
    boxes = ops.cast(boxes, "float32")
    for name, value in (("true_boxes", true_boxes), ("boxes", boxes)):
        if value.shape[-1] != 4:
            raise ValueError(
                f"Argument `{name}` should have the shape (..., 4). "
                f"Received: shape {tuple(value.shape)}"
            )
    start = ops.maximum(true_boxes[..., :2], boxes[..., :2])
    end = ops.minimum(true_boxes[..., 2:], boxes[..., 2:])
    shared = _area(start, end)
    either = (
        _area(true_boxes[..., :2], true_boxes[..., 2:])
        + _area(boxes[..., :2], boxes[..., 2:])
        - shared
    )
    return shared / ops.where(either > 0, either, 1.0)


def box_localization(true_boxes, masks, threshold=0.5, min_iou=0.5):
    """Tells whether the tightest box around a mask matches a true box, per image.

    Args:
        true_boxes: Array or tensor (N, 4), or (N, B, 4) for several objects, any of
            which may be matched, padded with zeros: top, left, bottom, right in
            pixels, ends excluded.
        masks: Array or tensor (N, H, W) or (N, H, W, 1) in [0, 1], or bool.
        threshold: float. A mask covers the pixels where it is at least this.
        min_iou: float. IoU of the boxes from which they match.

    Returns:
        float32 tensor (N,) of 0 and 1.

    Raises:
        ValueError: If a shape is wrong.

    Example:

    >>> true_box, mask = np.array([[0, 0, 2, 3]]), np.array([[[0, 1, 1], [0, 1, 1]]])
    >>> box_localization(true_box, mask).numpy().tolist()
    [1.0]

    Reference:
        Russakovsky et al., "ImageNet Large Scale Visual Recognition Challenge",
        IJCV 2015; Cao et al., "Look and Think Twice", ICCV 2015.
    """
    true_boxes = ops.cast(true_boxes, "float32")
    if len(true_boxes.shape) not in (2, 3) or true_boxes.shape[-1] != 4:
        raise ValueError(
            "Argument `true_boxes` should have the shape (N, 4) or (N, B, 4). "
            f"Received: shape {tuple(true_boxes.shape)}"
        )
    if len(true_boxes.shape) == 2:
        true_boxes = true_boxes[:, None]
    overlap = box_iou(true_boxes, mask_to_box(masks, threshold)[:, None])
    return ops.cast(ops.max(overlap, axis=1) >= min_iou, "float32")


def _area(start, end):
    return ops.prod(ops.maximum(end - start, 0.0), axis=-1)


@keras.saving.register_keras_serializable(package="keras_explainer")
class BoxLocalization(MeanOverImages):
    """Averages `box_localization` over images; the truth are boxes.

    Args:
        threshold: float. A mask covers the pixels where it is at least this.
        min_iou: float. IoU of the boxes from which they match.

    Example:

    >>> metric = BoxLocalization()
    >>> metric.update_state(np.array([[0, 1, 1, 3]]), np.array([[[0, 1, 1]]]))
    >>> float(metric.result())
    1.0
    """

    def __init__(self, threshold=0.5, min_iou=0.5, name="box_localization", dtype=None):
        options = {"threshold": threshold, "min_iou": min_iou}
        super().__init__(box_localization, options, name, dtype)
