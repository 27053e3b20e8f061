"""The value of an image is the same alone as beside any other image."""

import functools
import inspect

import numpy as np
import pytest
from conftest import tiny_classifier

from keras_explainer import losses
from keras_explainer import metrics

RANDOM = np.random.default_rng(0)
N, SIDE, CLASSES = 4, 16, 3
# One image has a far wider range than the others, its masks are all or nothing.
SCALE = np.float32([1, 1, 50, 1]).reshape(N, 1, 1, 1)
IMAGES = SCALE * RANDOM.uniform(size=(N, SIDE, SIDE, 3)).astype("float32")
MASKS = RANDOM.uniform(size=(N, SIDE, SIDE)).astype("float32")
MASKS[2] = MASKS[2] > 0.9
CLASS_MASKS = RANDOM.uniform(size=(N, SIDE, SIDE, CLASSES)).astype("float32")
LOGITS = (SCALE[:, 0, 0] * RANDOM.normal(size=(N, CLASSES))).astype("float32")
LABELS = np.float32([[1, 0, 1], [0, 1, 0], [1, 1, 1], [0, 0, 1]])
TRUTH = (RANDOM.uniform(size=(N, SIDE, SIDE)) > 0.7).astype("float32")
TRUTH[2] = 1.0
DRAWN = np.float32(RANDOM.uniform(size=(2, N, 4, 4)) > 0.5)
CELLS = RANDOM.normal(size=(N, 4, 4)).astype("float32")
COSTS = (SCALE[:, 0, 0, 0] * RANDOM.uniform(size=(2, N))).astype("float32")
TARGETS = [0, 1, 2, 1]
BOXES = np.float32([[0, 0, 9, 9], [2, 2, 16, 16], [0, 0, 16, 16], [5, 5, 8, 8]])


CLASSIFIER = functools.cache(lambda: tiny_classifier(size=SIDE))


def by_name(values):
    """Joins the values that are of images; "shares" are of none."""
    parts = [np.asarray(v) for name, v in values.items() if name != "shares"]
    return np.concatenate([part.reshape(len(part), -1) for part in parts], axis=1)


def of_truth(formula, **options):
    return lambda rows: formula(TRUTH[rows], MASKS[rows], **options)


def of_classifier(formula, **options):
    def values(rows):
        targets = [TARGETS[row] for row in rows]
        data = IMAGES[rows], MASKS[rows]
        if "targets" in inspect.signature(formula).parameters:
            data = *data, targets
        found = formula(CLASSIFIER(), *data, **options)
        return by_name(found) if isinstance(found, dict) else found

    return values


# Everything public that takes a batch: the rows of the batch to a value for each.
VALUES = {
    "aggregate_masks": lambda rows: np.stack(
        losses.aggregate_masks(CLASS_MASKS[rows], LABELS[rows]), axis=-1
    ),
    "area_loss": lambda rows: losses.area_loss(
        CLASS_MASKS[rows], LABELS[rows], reduction="none"
    ),
    "classification_loss": lambda rows: losses.classification_loss(
        LOGITS[rows], LABELS[rows], True
    ),
    "contrast_loss": lambda rows: losses.contrast_loss(
        MASKS[rows], [IMAGES[rows]], reduction="none"
    ),
    "edge_aware_variation": lambda rows: losses.edge_aware_variation(
        MASKS[rows], IMAGES[rows], reduction="none"
    ),
    "entropy_loss": lambda rows: losses.entropy_loss(LOGITS[rows], reduction="none"),
    "evidence_loss": lambda rows: losses.evidence_loss(
        LOGITS[rows], LABELS[rows], reduction="none"
    ),
    "outline_length": lambda rows: losses.outline_length(MASKS[rows], reduction="none"),
    "total_variation": lambda rows: losses.total_variation(
        MASKS[rows], reduction="none"
    ),
    "policy_gradient": lambda rows: losses.policy_gradient(
        CELLS[rows], DRAWN[:, rows], COSTS[:, rows]
    ),
    "DiscreteMaskLoss": lambda rows: by_name(
        losses.DiscreteMaskLoss(entropy_weight=1.0).mask_terms(MASKS[rows])
    ),
    "RealTimeSaliencyLoss": lambda rows: by_name(
        losses.RealTimeSaliencyLoss()(
            MASKS[rows], *-np.abs(LOGITS[rows].T[:2]), LOGITS[rows, 2], LABELS[rows, 0]
        )
    ),
    "trimap_iou": of_truth(metrics.trimap_iou, width=2),
    "background_coverage": of_truth(metrics.background_coverage),
    "object_coverage": of_truth(metrics.object_coverage),
    "energy_inside": of_truth(metrics.energy_inside),
    "f1": of_truth(metrics.f1),
    "threshold_averaged_f1": of_truth(metrics.threshold_averaged_f1),
    "continuous_f1": of_truth(metrics.continuous_f1),
    "iou": of_truth(metrics.iou),
    "threshold_averaged_iou": of_truth(metrics.threshold_averaged_iou),
    "continuous_iou": of_truth(metrics.continuous_iou),
    "pixel_accuracy": of_truth(metrics.pixel_accuracy),
    "pointing_game": of_truth(metrics.pointing_game),
    "roc_auc": of_truth(metrics.roc_auc),
    "spearman": of_truth(metrics.spearman),
    "structural_similarity": of_truth(metrics.structural_similarity),
    "undecided_share": lambda rows: metrics.undecided_share(None, MASKS[rows]),
    "random_mask_like": lambda rows: metrics.random_mask_like(MASKS[rows], seed=3),
    "linear_imputation": lambda rows: metrics.linear_imputation(
        IMAGES[rows], MASKS[rows] > 0.5, noise=0.1, seed=3
    ),
    "mask_to_box": lambda rows: metrics.mask_to_box(MASKS[rows] > 0.97),
    "box_iou": lambda rows: metrics.box_iou(BOXES[rows], BOXES[::-1][rows]),
    "box_localization": lambda rows: metrics.box_localization(
        BOXES[rows], MASKS[rows] > 0.97
    ),
    "confidence_drop": lambda rows: metrics.confidence_drop(MASKS[rows, 0, 0], 0.5),
    "confidence_increase": lambda rows: metrics.confidence_increase(
        MASKS[rows, 0, 0], 0.5
    ),
    "road": of_classifier(metrics.road, noise=0.1, seed=3),
    "complement_entropy": of_classifier(metrics.complement_entropy),
    "confidence_change": of_classifier(metrics.confidence_change),
    "deletion_correlation": of_classifier(metrics.deletion_correlation),
    "insertion_deletion": of_classifier(metrics.insertion_deletion, step_share=0.25),
    "saliency_score": of_classifier(metrics.saliency_score),
}
# What has no value of a single image.
OF_MANY = {
    "class_discrimination",
    "label_encoding",
    "model_randomization",
    # By a mean over the batch, as published; only its gradient means anything.
    "published_policy_loss",
    # Without terms of its own: `L2XExplainer` and `BoundedLogitAttentionExplainer`
    # compute them, and `ExplainerLoss` is asked by an explainer (`test_seeds.py`).
    "SelectionLoss",
    "ExplainerLoss",
    "FunctionLoss",
    "StepOutputs",
}


def test_nothing_public_is_left_out():
    names = {*losses.__all__, *metrics.__all__}
    metric_classes = {
        name for name in metrics.__all__ if isinstance(getattr(metrics, name), type)
    }
    assert names - metric_classes == {*VALUES, *OF_MANY}


@pytest.mark.parametrize("name", VALUES)
def test_an_image_alone_and_beside_the_others(name):
    everything = np.arange(N)
    together = np.asarray(VALUES[name](everything))
    assert len(together) == N and np.nanmax(together) > np.nanmin(together)
    # Its place may decide a draw: only the first image is alone in its own place.
    for row in (0,) if name == "random_mask_like" else everything:
        alone = np.asarray(VALUES[name](everything[row : row + 1]))
        np.testing.assert_allclose(alone, together[row : row + 1], rtol=1e-4, atol=1e-5)
