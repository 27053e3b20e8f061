"""All scores of masks against true masks, per image."""

import numpy as np

from keras_explainer import metrics
from keras_explainer.metrics.overlap import IOU_THRESHOLDS

MASK_SCORES = (
    "iou",
    "threshold_averaged_iou",
    "continuous_iou",
    "class_iou",
    "threshold_averaged_f1",
    "continuous_f1",
    "accuracy",
    "auc",
    "object_coverage",
    "background_coverage",
    "trimap_iou",
    "pointing_game",
    "energy_inside",
    "undecided_share",
)


def mask_scores(truth, masks, soft_accuracy=False, relevance=None):
    """Computes the scores of one mask per image.

    Args:
        truth: Array (N, H, W): 0 for background, 1 for the object, 255 for void.
        masks: float32 array (N, H, W) in [0, 1].
        soft_accuracy: Boolean. Whether the accuracy is that of soft masks.
        relevance: float32 array (N, H, W), whose order the AUC and the pointing game
            judge. Defaults to the masks.

    Returns:
        Dict of float32 arrays (N,) by the names in `MASK_SCORES` but "class_iou",
        and "iou_curve" (N, 9), the IoU at the thresholds 0.1 ... 0.9. NaN where a
        score has no value, such as in images without an object.

    Example:

    >>> truth = np.eye(8)[None]
    >>> float(mask_scores(truth, truth)["iou"][0])
    1.0
    """
    relevance = masks if relevance is None else relevance
    curve = np.stack([metrics.iou(truth, masks, t) for t in IOU_THRESHOLDS], axis=-1)
    scores = {
        "iou": metrics.iou(truth, masks),
        "threshold_averaged_iou": curve.mean(axis=1),
        "continuous_iou": metrics.continuous_iou(truth, masks),
        "threshold_averaged_f1": metrics.threshold_averaged_f1(truth, masks),
        "continuous_f1": metrics.continuous_f1(truth, masks),
        "accuracy": metrics.pixel_accuracy(
            truth, masks, threshold=None if soft_accuracy else 0.5
        ),
        "auc": metrics.roc_auc(truth, relevance),
        "object_coverage": metrics.object_coverage(truth, masks),
        "background_coverage": metrics.background_coverage(truth, masks),
        "trimap_iou": metrics.trimap_iou(truth, masks),
        "pointing_game": metrics.pointing_game(truth, relevance),
        "energy_inside": metrics.energy_inside(truth, masks),
        "undecided_share": metrics.undecided_share(truth, masks),
        "iou_curve": curve,
    }
    return {name: np.asarray(values) for name, values in scores.items()}
