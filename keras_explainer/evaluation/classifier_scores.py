"""All scores of masks against the classifier, per image."""

import numpy as np

from keras_explainer import metrics

CLASSIFIER_SCORES = (
    "saliency",
    "insertion",
    "deletion",
    "drop",
    "increase",
    "random_saliency",
    "random_drop",
    "own_class",
    "other_classes",
    "class_discrimination_gap",
)


def classifier_scores(
    frozen,
    batch,
    merged,
    relevance,
    image_indices,
    classes,
    background,
    step_share=0.02,
    seed=0,
):
    """Computes what the classifier says to images of which only a part is kept.

    The saliency score is that of the merged mask; all else is measured for each
    class of an image with the relevance for that class, and averaged within the image.

    Args:
        frozen: A `FrozenClassifier`.
        batch: A `Batch` of N images.
        merged: float32 array (N, H, W) in [0, 1].
        relevance: float32 array (P, H, W) in [0, 1], of pairs of an image and a class.
        image_indices: int array (P,), the image of each pair.
        classes: int array (P,), the class of each pair.
        background: What replaces removed pixels, as in the metrics.
        step_share: float. Share of the pixels per step of insertion and deletion.
        seed: int, of the random maps of equal area.

    Returns:
        Dict of arrays (N,): "saliency", "insertion" and "deletion" (areas under the
        curves), "drop" and "increase" of the confidence, and "random_saliency" and
        "random_drop", those of random masks of the same area; "insertion_curve" and
        "deletion_curve" (N, S + 1).
    """
    images = batch.images[image_indices]
    numbers = batch.first + image_indices

    def control(masks, numbers):
        return np.concatenate(
            [
                metrics.random_mask_like(mask[None], seed + int(number))
                for mask, number in zip(masks, numbers)
            ]
        )

    def saliency(masks):
        return metrics.saliency_score(
            frozen, batch.images, masks, batch.labels, background
        )

    def change(masks):
        return metrics.confidence_change(frozen, images, masks, classes, background)

    confidence = change(relevance)
    curves = metrics.insertion_deletion(
        frozen,
        images,
        relevance,
        classes,
        step_share=step_share,
        deletion_background=background,
    )
    of_pairs = {
        "insertion": curves["insertion_auc"],
        "deletion": curves["deletion_auc"],
        "insertion_curve": curves["insertion"],
        "deletion_curve": curves["deletion"],
        "drop": confidence["drop"],
        "increase": confidence["increase"],
        "random_drop": change(control(relevance, numbers))["drop"],
    }
    count = len(batch.images)
    image_numbers = batch.first + np.arange(count)
    return {
        "saliency": saliency(merged),
        "random_saliency": saliency(control(merged, image_numbers)),
        **{
            name: mean_of_pairs(v, image_indices, count) for name, v in of_pairs.items()
        },
    }


def discrimination_scores(metric, batch, class_masks):
    """Computes what the mask of each class keeps of the classes that are there.

    Args:
        metric: A `ClassDiscrimination` of all classes.
        batch: A `Batch` of N images.
        class_masks: float32 array (N, H, W, C) in [0, 1].

    Returns:
        Dict of arrays: "discrimination_matrix" (N, C, C), as the metric's matrix, of
        one image each, NaN in rows of classes that are not there; "own_class",
        "other_classes" and "class_discrimination_gap" (N,).
    """
    matrices = []
    for image, masks, labels in zip(batch.images, class_masks, batch.labels):
        metric.reset_state()
        metric.update_state(image[None], masks[None], labels[None])
        matrices.append(metric.result()["matrix"])
    matrices = np.stack(matrices).astype("float32")
    diagonal = np.eye(matrices.shape[1], dtype=bool)
    own = _known_mean(np.where(diagonal, matrices, np.nan))
    other = _known_mean(np.where(diagonal, np.nan, matrices))
    return {
        "discrimination_matrix": matrices,
        "own_class": own,
        "other_classes": other,
        "class_discrimination_gap": own - other,
    }


def mean_of_pairs(values, image_indices, count):
    """Returns the means (N, ...) of the values (P, ...) of each image's pairs.

    Example:

    >>> mean_of_pairs(np.array([1.0, 3.0, 5.0]), np.array([0, 0, 2]), 3).tolist()
    [2.0, nan, 5.0]
    """
    totals = np.zeros((count, *values.shape[1:]))
    np.add.at(totals, image_indices, np.nan_to_num(values))
    known = np.zeros_like(totals)
    np.add.at(known, image_indices, ~np.isnan(values))
    known[known == 0] = np.nan
    return (totals / known).astype("float32")


def _known_mean(values):
    known = (~np.isnan(values)).sum(axis=(1, 2)).astype("float32")
    known[known == 0] = np.nan
    return (np.nansum(values, axis=(1, 2)) / known).astype("float32")
