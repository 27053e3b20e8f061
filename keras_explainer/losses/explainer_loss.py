"""The training objective of an Explainer: four terms and their weights."""

import keras
from keras import ops

from keras_explainer.losses.classifier_terms import classification_loss
from keras_explainer.losses.classifier_terms import entropy_loss
from keras_explainer.losses.classifier_terms import evidence_loss
from keras_explainer.losses.mask_terms import aggregate_masks
from keras_explainer.losses.mask_terms import area_loss
from keras_explainer.losses.mask_terms import edge_aware_variation
from keras_explainer.losses.mask_terms import total_variation
from keras_explainer.losses.objective import Objective

# entropy, smoothness, band, target area, non-target area.
_PUBLISHED = {
    ("voc2007", "vgg16"): (1.0, 1.0, 1.0, 0.1, 0.3),
    ("voc2007", "resnet50"): (3.0, 1.0, 0.8, 0.01, 0.3),
    ("coco2014", "vgg16"): (1.0, 0.3, 0.3, 0.03, 0.1),
    ("coco2014", "resnet50"): (3.0, 0.05, 0.1, 0.01, 0.03),
}


@keras.saving.register_keras_serializable(package="keras_explainer")
class ExplainerLoss(Objective):
    """Keeps the answer, removes its evidence, and asks for small, smooth masks.

    The loss of an image is the sum of four terms:

    - "classification": the classifier's loss on what the target mask keeps;
    - "entropy": what the classifier still knows of the targets from the complement,
      as negative entropy and as a hinge on the targets' log-odds, and a hinge on
      what it does not know of the other labels any more;
    - "area": the area band of the class masks, the mean target and non-target
      masks, and the mean overlap of the present classes' masks;
    - "smoothness": the variation of the target and non-target masks.

    The defaults were chosen by measurement on photographs (`benchmarks/README.md`);
    `ExplainerLoss.published` gives the authors' configurations.

    Where an image has several labels, their masks are judged together, as the
    published loss does, or else (`alone`) one of them is judged by itself: only that
    tells whose mask is whose.

    Args:
        classification_weight: float.
        rest_weight: float. Weight of the hinge on the other labels in the
            complement, where one is judged alone.
        evidence_weight: float. Weight of the hinge on the targets' log-odds in the
            complement (`evidence_loss`).
        entropy_weight: float, or "auto": 1 for classifiers with one label per image
            and 0 for several, whose softmax has no meaning.
        area_weight: float. Weight of the area band (`area_loss`).
        target_area_weight: float. Weight of the target mask's mean.
        non_target_area_weight: float. Weight of the non-target mask's mean.
        overlap_weight: float. Weight of the present classes' masks where a stronger
            one of them covers the same place: what tells classes apart that are
            judged together.
        smoothness_weight: float. Weight of the variation.
        min_area: float in [0, 1]. Lower end of the area band.
        max_area: float in [0, 1]. Upper end of the area band.
        alone: float in [0, 1]. Share of the images of a training step in which one
            label, drawn at random, is judged alone.
        degraded: float in [0, 1]. Share of the images of a training step whose masks
            are found in a view that is hard to recognise (`degraded_view`), though
            judged on the image itself.
        edge_aware: Boolean. Let masks change freely where the image changes
            (`edge_aware_variation`), instead of plain `total_variation`.
        inpaint: Boolean. Fill what is removed with the colours around it
            (`surroundings`) instead of the background, which leaves its silhouette.
        published_forms: Boolean. Compute entropy, area band and total variation as
            the authors' code does (entropy by C, sum over classes, reflect border)
            instead of their better-behaved variants.

    Example:

    >>> explainer.compile(loss=ExplainerLoss(smoothness_weight=1.0))

    Reference:
        Stalder et al., "What You See is What You Classify", NeurIPS 2022.
    """

    TERMS = ("classification", "entropy", "area", "smoothness")

    def __init__(
        self,
        classification_weight=1.0,
        rest_weight=0.5,
        evidence_weight=0.7,
        entropy_weight="auto",
        area_weight=0.0,
        target_area_weight=3.0,
        non_target_area_weight=0.3,
        overlap_weight=0.0,
        smoothness_weight=0.5,
        min_area=0.05,
        max_area=0.3,
        alone=0.0,
        degraded=0.7,
        edge_aware=True,
        inpaint=True,
        published_forms=False,
    ):
        # The one weight that need not be a number.
        weights = {} if entropy_weight == "auto" else {"entropy_weight": entropy_weight}
        super().__init__(
            classification_weight=classification_weight,
            rest_weight=rest_weight,
            evidence_weight=evidence_weight,
            area_weight=area_weight,
            target_area_weight=target_area_weight,
            non_target_area_weight=non_target_area_weight,
            overlap_weight=overlap_weight,
            smoothness_weight=smoothness_weight,
            **weights,
        )
        if not 0 <= min_area <= max_area <= 1:
            raise ValueError(
                "Arguments `min_area` and `max_area` should be in order, from 0 to 1. "
                f"Received: min_area={min_area}, max_area={max_area}"
            )
        for share, value in (("alone", alone), ("degraded", degraded)):
            if not isinstance(value, (int, float)) or not 0 <= value <= 1:
                raise ValueError(
                    f"Argument `{share}` should be a share from 0 to 1. "
                    f"Received: {value!r}"
                )
        self._keep(
            entropy_weight=entropy_weight,
            min_area=min_area,
            max_area=max_area,
            alone=alone,
            degraded=degraded,
            edge_aware=edge_aware,
            inpaint=inpaint,
            published_forms=published_forms,
        )

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
            rest_weight=0.0,
            evidence_weight=0.0,
            entropy_weight=entropy,
            area_weight=band,
            target_area_weight=target_area,
            non_target_area_weight=non_target_area,
            overlap_weight=0.0,
            smoothness_weight=smoothness,
            alone=0.0,
            degraded=0.0,
            edge_aware=False,
            inpaint=False,
            published_forms=True,
        )

    def __call__(
        self, class_logits, labels, targets, judge, images, classifier, classes=None
    ):
        """Computes the weighted terms of each image.

        Args:
            class_logits: Tensor (N, h, w, K), mask logits of K of the C classes.
            labels: Multi-hot tensor (N, C), the classes present.
            targets: Multi-hot tensor (N, C), those among them that are judged.
            judge: Function from the target mask (N, h, w), whether to inpaint the
                complement, and two functions from the classifier's logits (N, C) to
                values (N,), for what the mask keeps and for the complement, to the
                two values.
            images: Tensor (N, H, W, channels).
            classifier: The `FrozenClassifier`.
            classes: Integer tensor (N, K), the K classes, or None for all.

        Returns:
            Dict from each of `TERMS` to a tensor (N,).
        """
        present, judged = labels, targets
        if classes is not None:
            present = ops.take_along_axis(labels, classes, axis=-1)
            judged = ops.take_along_axis(targets, classes, axis=-1)
        target, non_target = aggregate_masks(class_logits, present)
        if self.alone:
            target, _ = aggregate_masks(class_logits, judged)
        multi_label = classifier.multi_label
        classification, entropy = judge(
            target,
            self.inpaint,
            lambda kept: (
                self.classification_weight
                * classification_loss(kept, targets, multi_label)
            ),
            lambda removed: self._knowledge(removed, labels, targets, classifier),
        )
        return {
            "classification": classification,
            "entropy": entropy,
            "area": self._area(class_logits, present, target, non_target),
            "smoothness": self.smoothness_weight
            * (self._variation(target, images) + self._variation(non_target, images)),
        }

    def _knowledge(self, removed, labels, targets, classifier):
        weight = self.entropy_weight
        if weight == "auto":
            weight = 0.0 if classifier.multi_label else 1.0
        value = ops.zeros_like(removed[:, 0])
        if weight:
            normalized = not self.published_forms
            value = weight * entropy_loss(removed, normalized, reduction="none")
        odds = classifier.log_odds(removed)
        if self.evidence_weight:
            value = value + self.evidence_weight * evidence_loss(
                odds, targets, reduction="none"
            )
        if self.alone and self.rest_weight:
            value = value + self.rest_weight * evidence_loss(
                -odds, labels - targets, reduction="none"
            )
        return value

    def _area(self, class_logits, present, target, non_target):
        value = self.target_area_weight * ops.mean(target, axis=(1, 2))
        value = value + self.non_target_area_weight * ops.mean(non_target, axis=(1, 2))
        if self.overlap_weight:
            masks = ops.sigmoid(class_logits) * present[:, None, None]
            overlap = ops.sum(masks, axis=-1) - ops.max(masks, axis=-1)
            value = value + self.overlap_weight * ops.mean(overlap, axis=(1, 2))
        if self.area_weight:
            value = value + self.area_weight * area_loss(
                ops.sigmoid(class_logits),
                present,
                self.min_area,
                self.max_area,
                class_reduction="sum" if self.published_forms else "mean",
                reduction="none",
            )
        return value

    def _variation(self, mask, images):
        if self.edge_aware:
            return edge_aware_variation(mask, images, reduction="none")
        border = "reflect" if self.published_forms else "valid"
        return total_variation(mask, border, reduction="none")
