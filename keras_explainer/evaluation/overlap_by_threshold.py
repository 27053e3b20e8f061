"""How well masks agree with the true outlines of objects."""

import numpy as np

from keras_explainer.metrics.trimap_iou import trimap_iou
from keras_explainer.void import VOID

THRESHOLDS = tuple(round(0.05 * step, 2) for step in range(1, 20))


def overlap_by_threshold(masks_for, dataset, num_classes, thresholds=THRESHOLDS):
    """Compares masks with the true masks of the classes present.

    The aggregated IoU of an image compares the pixel-wise maximum of the masks of
    its classes with the union of the true masks; the class IoU compares each class
    by itself. Both are averaged over images (and classes). Void pixels (255) do
    not count; images without any labelled object are left out.

    Args:
        masks_for: Function from (images, class index) to masks (N, H, W) in
            [0, 1]; it is asked only for images that hold the class.
        dataset: Iterable of batches (images, labels, truth), labels multi-hot rows
            (N, C), truth (N, H, W) with 0 for background, i + 1 for class i and
            255 for void.
        num_classes: int, C.
        thresholds: Sequence of floats at which masks are made binary (mask >=
            threshold); 0.5 is added if missing.

    Returns:
        Dict with "thresholds", "iou" and "class_iou" (lists over thresholds),
        "best_iou", "best_class_iou", "iou_at_half", "class_iou_at_half",
        "accuracy_at_half" (pixel accuracy of the aggregated mask), "undecided_share"
        (pixels of the aggregated mask from 0.1 to 0.9), "trimap_iou" (at 0.5, in a
        band of 5 pixels around the objects' border; NaN if no image has a border)
        and "images".

    Raises:
        ValueError: If no image has a labelled object.
    """
    thresholds = np.array(sorted({*map(float, thresholds), 0.5}))
    half = int(np.flatnonzero(thresholds == 0.5)[0])
    iou, class_iou, accuracy, soft, border = [], [], [], [], []
    for images, _, truth in dataset:
        truth = np.asarray(truth)
        truth = truth[..., 0] if truth.ndim == 4 else truth
        present = [c for c in range(num_classes) if (truth == c + 1).any()]
        merged = np.zeros(truth.shape, "float32")
        for c in present:
            has = np.flatnonzero((truth == c + 1).any(axis=(1, 2)))
            masks = np.asarray(masks_for(np.asarray(images)[has], c))
            merged[has] = np.maximum(merged[has], masks)
            for i, mask in zip(has, masks):
                valid = truth[i] != VOID
                class_iou.append(
                    threshold_iou(truth[i][valid] == c + 1, mask[valid], thresholds)
                )
        other = (truth > num_classes) & (truth != VOID)
        border.extend(trimap_iou(np.where(other, 0, truth), merged).numpy())
        for i, labels in enumerate(truth):
            valid = labels != VOID
            inside = (labels[valid] > 0) & (labels[valid] <= num_classes)
            if not inside.any():
                continue
            mask = merged[i][valid]
            iou.append(threshold_iou(inside, mask, thresholds))
            accuracy.append(np.mean((mask >= 0.5) == inside))
            soft.append(np.mean((mask > 0.1) & (mask < 0.9)))
    if not iou:
        raise ValueError(
            "Argument `dataset` should hold images with labelled objects. Received: "
            "none in the whole set"
        )
    iou, class_iou = np.mean(iou, axis=0), np.mean(class_iou, axis=0)
    return {
        "thresholds": thresholds.tolist(),
        "iou": iou.tolist(),
        "class_iou": class_iou.tolist(),
        "best_iou": float(iou.max()),
        "best_class_iou": float(class_iou.max()),
        "iou_at_half": float(iou[half]),
        "class_iou_at_half": float(class_iou[half]),
        "accuracy_at_half": float(np.mean(accuracy)),
        "undecided_share": float(np.mean(soft)),
        "trimap_iou": float(np.nanmean(border)),
        "images": len(accuracy),
    }


def threshold_iou(truth, mask, thresholds):
    """Returns the intersection over union of a mask at each threshold.

    Args:
        truth: Boolean array of any shape.
        mask: Float array in [0, 1] of the same shape.
        thresholds: Ascending array (T,).

    Returns:
        Array (T,); 0 where neither has a pixel.

    Example:

    >>> truth, mask = np.array([True, False, False]), np.array([0.9, 0.6, 0.2])
    >>> threshold_iou(truth, mask, np.array([0.5, 0.8])).tolist()
    [0.5, 1.0]
    """
    # Sorting each mask into threshold bins once serves all thresholds.
    bins = np.searchsorted(thresholds, np.ravel(mask), side="right")
    count = len(thresholds) + 1
    truth = np.ravel(truth)
    covered = np.bincount(bins, minlength=count)[::-1].cumsum()[::-1][1:]
    hits = np.bincount(bins[truth], minlength=count)[::-1].cumsum()[::-1][1:]
    return hits / np.maximum(covered + truth.sum() - hits, 1)
