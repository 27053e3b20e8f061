"""The objective of discrete masks: a cost of each mask, in expectation."""

import keras
from keras import ops

from keras_explainer.losses.objective import Objective


@keras.saving.register_keras_serializable(package="keras_explainer")
class DiscreteMaskLoss(Objective):
    """The cost of a mask: what it fails to keep, what it leaves, area and outline.

    A mask of cells that are 1 with chance q, independently, has the expected area
    mean(q) and the expected difference q (1 - r) + (1 - q) r of two neighbours, so
    that only the classifier's answer has to be sampled.

    Args:
        classification_weight: float. Weight of minus the logarithm of the class's
            probability.
        evidence_weight: float. Weight of the hinge on the class's log-odds in what
            the mask leaves (`evidence_loss`), which costs one more pass for a mask.
        area_weight: float. Weight of the share of cells that are kept.
        smoothness_weight: float. Weight of the share of neighbours that differ, as the
            authors have it: for the same mask it is smaller the finer the grid.
        entropy_weight: float. Weight of the entropy of the cells, a bonus that
            keeps masks from being decided too early.

    Example:

    >>> explainer = kx.DiscreteMaskExplainer(classifier)
    >>> explainer.compile(loss=DiscreteMaskLoss(area_weight=1.0))

    Reference:
        Yuan et al., "Interpreting Image Classifiers by Generating Discrete Masks",
        IEEE TPAMI 2022.
    """

    TERMS = ("classification", "area", "smoothness", "entropy")

    def __init__(
        self,
        classification_weight=1.0,
        evidence_weight=0.7,
        area_weight=3.5,
        smoothness_weight=3.0,
        entropy_weight=0.0,
    ):
        super().__init__(
            classification_weight=classification_weight,
            evidence_weight=evidence_weight,
            area_weight=area_weight,
            smoothness_weight=smoothness_weight,
            entropy_weight=entropy_weight,
        )

    @classmethod
    def published(cls):
        """Returns the authors' weights, which judge only what a mask keeps."""
        return cls(evidence_weight=0.0, area_weight=3.5, smoothness_weight=3.0)

    def mask_terms(self, chances):
        """Returns the expected "area", "smoothness" and "entropy", dict of (N,).

        Args:
            chances: Tensor (N, h, w) in [0, 1], how likely each cell is kept; 0 and
                1 for a mask that is drawn already.
        """
        likely = ops.clip(chances, 1e-6, 1.0 - 1e-6)
        entropy = -likely * ops.log(likely) - (1.0 - likely) * ops.log(1.0 - likely)
        down = _expected_difference(chances[:, 1:], chances[:, :-1])
        right = _expected_difference(chances[:, :, 1:], chances[:, :, :-1])
        return {
            "area": self.area_weight * ops.mean(chances, axis=(1, 2)),
            "smoothness": self.smoothness_weight * (down + right),
            "entropy": -self.entropy_weight * ops.mean(entropy, axis=(1, 2)),
        }


def _expected_difference(near, far):
    return ops.mean(near * (1.0 - far) + (1.0 - near) * far, axis=(1, 2))
