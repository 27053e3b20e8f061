"""The training objective of an Explainer: five terms and their weights."""

import keras
from keras import ops

from keras_explainer.log_odds import log_odds_of_present
from keras_explainer.losses.classifier_terms import answer_cost
from keras_explainer.losses.classifier_terms import classification_loss
from keras_explainer.losses.classifier_terms import entropy_loss
from keras_explainer.losses.classifier_terms import evidence_loss
from keras_explainer.losses.feature_contrast import contrast_loss
from keras_explainer.losses.former_config import IN_NATS
from keras_explainer.losses.former_config import OF_NOW
from keras_explainer.losses.former_config import loss_config_of_now
from keras_explainer.losses.mask_terms import area_loss
from keras_explainer.losses.mask_terms import edge_aware_variation
from keras_explainer.losses.mask_terms import outline_length
from keras_explainer.losses.mask_terms import total_variation
from keras_explainer.losses.objective import Objective

# entropy, smoothness, band, target area, non-target area.
_PUBLISHED = {
    ("voc2007", "vgg16"): (1.0, 1.0, 1.0, 0.1, 0.3),
    ("voc2007", "resnet50"): (3.0, 1.0, 0.8, 0.01, 0.3),
    ("coco2014", "vgg16"): (1.0, 0.3, 0.3, 0.03, 0.1),
    ("coco2014", "resnet50"): (3.0, 0.05, 0.1, 0.01, 0.03),
}
# Ends of the area band, as published.
_BAND = (0.05, 0.3)
# Weight of the hinge on labels that are not judged, in the complement of one that is:
# close to that of the judged one's, so that neither is bought with the other.
_OTHERS = 0.5


@keras.saving.register_keras_serializable(package="keras_explainer")
class ExplainerLoss(Objective):
    """Keeps the answer, removes its evidence, and asks for small, smooth masks.

    The loss of an image is the sum of five terms:

    - "classification": the classifier's loss on what the target mask keeps, of each
      label (`classification_loss`), in units of what a label costs it where it sees
      the background alone (`answer_cost`), so that an answer weighs as much of a
      thousand classes as of eight, and of a sure classifier as of an unsure one;
    - "entropy": what the classifier still knows of the targets from the complement,
      as negative entropy and as a hinge on the targets' log-odds, and a hinge on
      what it does not know of the other labels any more;
    - "area": the area band of the class masks, the mean target and non-target
      masks, and the mean overlap of the present classes' masks;
    - "smoothness": the length of the outlines of the target and non-target masks;
    - "contrast": how little of the variation of the classifier's features around it
      the target mask explains (`contrast_loss`). The others ask what the answer needs,
      which may be a part of an object, or more than it; features differ at its outline.

    The defaults were chosen by measurement on photographs
    (`docs/results/decisions.md`);
    `ExplainerLoss.published` gives the authors' configurations.

    It is a pure function of `StepOutputs` and knows no model. It falls into what is
    said of the kept part (`of_kept`), of the rest (`of_removed`) and of the masks
    (`of_masks`), so that the classifier's two passes need not be held at once.

    Args:
        classification_weight: float. Weight of the classification, whose unit is what
            a label costs on the background alone; with `published_forms`, a nat.
        evidence_weight: float. Weight of the hinge on the targets' log-odds in the
            complement (`evidence_loss`).
        entropy_weight: float. Weight of the negative entropy of the complement
            (`entropy_loss`). Where it shows other objects it should not be uncertain.
        area_weight: float. Weight of the area band (`area_loss`).
        target_area_weight: float. Weight of the target mask's mean.
        non_target_area_weight: float. Weight of the non-target mask's mean: of the
            absent classes that the classifier does not rule out.
        overlap_weight: float. Weight of the present classes' masks where a stronger
            one of them covers the same place: what tells classes apart that are
            judged together.
        smoothness_weight: float. Weight of the outlines' length in sides of the image
            (`outline_length`), which does not depend on how fine the masks are.
        contrast_weight: float. Weight of how little the target mask explains of the
            features around it, in cells of 2 pixels up to 8, or to the masks' where
            these are finer. It acts where the feature maps of a convolutional
            classifier are read: not with an `encoder`, nor on a transformer's tokens,
            which tell where they are, and what all the others have told them.
        area_band: Pair of floats in [0, 1], the ends of the area band, or None for
            (0.05, 0.3). It acts with an `area_weight` above 0 only.
        edge_aware: Boolean. Let masks change freely where the image changes
            (`edge_aware_variation`), instead of plain `outline_length`.
        published_forms: Boolean. Compute entropy, area band and smoothness as the
            authors' code does (a mean over independent classes, entropy by C, the
            area's sum over classes, `total_variation` instead of `outline_length`)
            instead of their better-behaved variants.
            `ExplainerModel` then enlarges the mask logits to the image, bilinearly,
            before anything is made of them, which takes more memory and time.

    Raises:
        ValueError: If an argument is none of these.

    Example:

    >>> explainer.compile(loss=ExplainerLoss(smoothness_weight=0.1))

    Reference:
        Stalder et al., "What You See is What You Classify", NeurIPS 2022.
    """

    TERMS = ("classification", "entropy", "area", "smoothness", "contrast")

    def __init__(
        self,
        classification_weight=1.6,
        evidence_weight=0.7,
        entropy_weight=0.0,
        area_weight=0.0,
        target_area_weight=2.25,
        non_target_area_weight=0.3,
        overlap_weight=0.0,
        smoothness_weight=0.0385,  # 0.5 / 13: see `former_config`
        contrast_weight=1.5,
        area_band=None,
        edge_aware=True,
        published_forms=False,
    ):
        super().__init__(
            classification_weight=classification_weight,
            evidence_weight=evidence_weight,
            entropy_weight=entropy_weight,
            area_weight=area_weight,
            target_area_weight=target_area_weight,
            non_target_area_weight=non_target_area_weight,
            overlap_weight=overlap_weight,
            smoothness_weight=smoothness_weight,
            contrast_weight=contrast_weight,
        )
        _check_band(area_band, area_weight)
        self._keep(
            area_band=None if area_band is None else tuple(area_band),
            edge_aware=edge_aware,
            published_forms=published_forms,
        )
        # As the authors have it, and files of earlier versions (`from_config`).
        self.in_nats = published_forms

    @classmethod
    def published(cls, dataset, classifier):
        """Returns the authors' configuration for a dataset and a classifier.

        Args:
            dataset: "voc2007" or "coco2014".
            classifier: "vgg16" or "resnet50".

        Raises:
            ValueError: If there is no published configuration for them.
        """
        key = (str(dataset).lower(), str(classifier).lower())
        if key not in _PUBLISHED:
            pairs = ", ".join(f"{d} with {c}" for d, c in _PUBLISHED)
            raise ValueError(
                "Arguments `dataset` and `classifier` should be a published pair: "
                f"{pairs}. Received: {dataset!r} with {classifier!r}"
            )
        entropy, smoothness, band, target_area, non_target_area = _PUBLISHED[key]
        return cls(
            classification_weight=1.0,
            evidence_weight=0.0,
            entropy_weight=entropy,
            area_weight=band,
            target_area_weight=target_area,
            non_target_area_weight=non_target_area,
            overlap_weight=0.0,
            smoothness_weight=smoothness,
            contrast_weight=0.0,
            edge_aware=False,
            published_forms=True,
        )

    @property
    def reads_features(self):
        return self.contrast_weight > 0

    @property
    def reads_background(self):
        return self.classification_weight > 0 and not self.in_nats

    def __call__(self, step):
        """Computes the weighted terms of each image.

        Args:
            step: The `StepOutputs`.

        Returns:
            Dict from each of `TERMS` to a tensor (N,).
        """
        terms = {
            "classification": self.of_kept(step),
            "entropy": self.of_removed(step),
        }
        return {**terms, **self.of_masks(step)}

    def of_kept(self, step):
        """Returns "classification" (N,), the term of what the target mask keeps."""
        loss = classification_loss(
            step.kept_logits,
            step.labels,
            step.multi_label,
            per_label=not self.published_forms,
        )
        if self.reads_background:
            loss = loss / answer_cost(step.background_logits, step.multi_label)
        return self.classification_weight * loss

    def of_removed(self, step):
        """Returns "entropy" (N,), the term of what the target mask leaves."""
        removed, present = step.removed_logits, step.labels
        if step.other_labels is not None:
            present = present + step.other_labels
        value = ops.zeros_like(removed[:, 0])
        if self.entropy_weight:
            value = self.entropy_weight * entropy_loss(
                removed, normalized=not self.published_forms, reduction="none"
            )
        odds = log_odds_of_present(removed, present, step.multi_label)
        if self.evidence_weight:
            value = value + self.evidence_weight * evidence_loss(
                odds, step.labels, reduction="none"
            )
        if step.other_labels is not None:
            # What is there beside the label that is judged should stay seen.
            value = value + _OTHERS * evidence_loss(
                -odds, step.other_labels, reduction="none"
            )
        return value

    def of_masks(self, step):
        """Returns the other terms, those of the masks, dict of (N,)."""
        # A part of a composite is a picture of its own, with shorter sides; of a crop
        # they are longer. So the same mask costs the same at all sizes.
        variation = self._variation(step.coarse_target_mask, step.images)
        variation = variation / ops.sqrt(step.part_share)
        variation = variation + self._variation(step.non_target_mask, step.images)
        return {
            "area": self._area(step),
            "smoothness": self.smoothness_weight * variation,
            "contrast": self._contrast(step),
        }

    def _area(self, step):
        target, non_target = step.target_mask, step.non_target_mask
        # In areas of the image that shows what is judged.
        value = self.target_area_weight * ops.mean(target, axis=(1, 2))
        value = value / step.part_share
        value = value + self.non_target_area_weight * ops.mean(non_target, axis=(1, 2))
        if self.overlap_weight:
            masks = ops.sigmoid(step.class_logits) * step.is_present[:, None, None]
            overlap = ops.sum(masks, axis=-1) - ops.max(masks, axis=-1)
            value = value + self.overlap_weight * ops.mean(overlap, axis=(1, 2))
        if self.area_weight:
            value = value + self.area_weight * area_loss(
                ops.sigmoid(step.class_logits),
                step.is_present,
                *self.area_band or _BAND,
                class_reduction="sum" if self.published_forms else "mean",
                reduction="none",
            )
        return value

    def _contrast(self, step):
        if not self.contrast_weight or step.features is None:
            return ops.zeros_like(step.target_mask[:, 0, 0])
        value = contrast_loss(
            step.target_mask, step.features, step.part, reduction="none"
        )
        # Where nothing is judged there is no mask to speak of.
        value = ops.where(ops.any(step.labels > 0, axis=-1), value, 0.0)
        return self.contrast_weight * value

    def _variation(self, mask, images):
        if self.edge_aware:
            return edge_aware_variation(mask, images, reduction="none")
        variation = total_variation if self.published_forms else outline_length
        return variation(mask, reduction="none")

    def get_config(self):
        return {**super().get_config(), **OF_NOW, IN_NATS: self.in_nats}

    @classmethod
    def from_config(cls, config):
        config = loss_config_of_now(config)
        in_nats = config.pop(IN_NATS)
        loss = cls(**{key: value for key, value in config.items() if key not in OF_NOW})
        loss.in_nats = in_nats
        return loss


def _check_band(band, weight):
    if band is None:
        return
    ends = band if isinstance(band, (tuple, list)) and len(band) == 2 else (2, 1)
    if not all(isinstance(end, (int, float)) for end in ends) or not (
        0 <= ends[0] <= ends[1] <= 1
    ):
        raise ValueError(
            "Argument `area_band` should be a pair of shares in order, from 0 to 1. "
            f"Received: {band!r}"
        )
    if not weight:
        raise ValueError(
            "Argument `area_band` should come with an `area_weight` above 0, without "
            f"which it does nothing. Received: {band!r}"
        )
