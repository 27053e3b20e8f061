"""All scores of masks against true masks, per image."""

import numpy as np

from keras_explainer import metrics
from keras_explainer.metrics.iou import THRESHOLDS

MASK_SCORES = (
    "iou",
    "mean_iou",
    "continuous_iou",
    "class_iou",
    "f1",
    "continuous_f1",
    "accuracy",
    "auc",
    "object_coverage",
    "background_coverage",
    "boundary_iou",
    "pointing_game",
    "energy_inside",
    "undecided_share",
)


def mask_scores(masks, truth, soft_accuracy=False):
    """Computes the scores of one mask per image.

    Args:
        masks: float32 array (N, H, W) in [0, 1].
        truth: Array (N, H, W): 0 for background, 1 for the object, 255 for void.
        soft_accuracy: Boolean. Whether the accuracy is that of soft masks.

    Returns:
        Dict of float32 arrays (N,) by the names in `MASK_SCORES` but "class_iou",
        and "iou_curve" (N, 9), the IoU at the thresholds 0.1 ... 0.9. NaN where a
        score has no value, such as in images without an object.

    Example:

    >>> truth = np.eye(8)[None]
    >>> float(mask_scores(truth, truth)["iou"][0])
    1.0
    """
    curve = np.stack([metrics.iou(masks, truth, t) for t in THRESHOLDS], axis=-1)
    scores = {
        "iou": metrics.iou(masks, truth),
        "mean_iou": curve.mean(axis=1),
        "continuous_iou": metrics.continuous_iou(masks, truth),
        "f1": metrics.mean_f1(masks, truth),
        "continuous_f1": metrics.continuous_f1(masks, truth),
        "accuracy": metrics.pixel_accuracy(
            masks, truth, threshold=None if soft_accuracy else 0.5
        ),
        "auc": metrics.roc_auc(masks, truth),
        "object_coverage": metrics.object_coverage(masks, truth),
        "background_coverage": metrics.background_coverage(masks, truth),
        "boundary_iou": metrics.boundary_iou(masks, truth),
        "pointing_game": metrics.pointing_game(masks, truth),
        "energy_inside": metrics.energy_inside(masks, truth),
        "undecided_share": metrics.undecided_share(masks, truth),
        "iou_curve": curve,
    }
    return {name: np.asarray(values) for name, values in scores.items()}
