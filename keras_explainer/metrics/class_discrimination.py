"""Whether the masks of other classes hide the class that is there."""

import numpy as np
from keras import ops

from keras_explainer import backend
from keras_explainer.inputs.images import check_images
from keras_explainer.inputs.labels import check_labels
from keras_explainer.inputs.labels import multi_hot_labels
from keras_explainer.metrics.classifier_passes import as_frozen_classifier
from keras_explainer.metrics.classifier_passes import background_images
from keras_explainer.metrics.classifier_passes import blend
from keras_explainer.metrics.classifier_passes import pick
from keras_explainer.metrics.classifier_passes import plain_logits
from keras_explainer.metrics.classifier_passes import variant_logits
from keras_explainer.metrics.overlap import IOU_THRESHOLDS


class ClassDiscrimination:
    """Averages, per pair of classes, what a class's mask keeps of another class.

    The row is a class present in the image, the column the class whose mask is
    used. A cell is the mean softmax probability of the row's class when only the
    pixels where the column's mask exceeds a threshold are kept, averaged over
    thresholds and images. A good explanation keeps its own class (diagonal) and
    nothing of others: the gap between the two is large. An image with several
    classes counts in each of their rows.

    It adds up batches as a Keras metric does; since it needs the images and a
    classifier, it runs by itself rather than in `compile`.

    Args:
        classifier: A Keras classifier as `ExplainerModel` takes it, or a
            `FrozenClassifier`, which with its `image_shape` also takes functions.
        classes: List of K class indices, or None for all classes.
        thresholds: Sequence of floats. Defaults to 0.1, 0.2 ... 0.9.
        background: What replaces masked-out pixels: "mean", "blur", a number, one
            number per channel, or a `Background`.
        batch_size: int. Pictures per pass of the classifier.

    Example:

    >>> metric = ClassDiscrimination(classifier)
    >>> metric.update_state(images, class_masks, labels)
    >>> metric.result()["matrix"].shape
    (3, 3)

    Reference:
        Stalder et al., "What You See is What You Classify", NeurIPS 2022 (the
        table in the authors' notebook evaluate_class_scores).
    """

    def __init__(
        self,
        classifier,
        classes=None,
        thresholds=IOU_THRESHOLDS,
        background="mean",
        batch_size=64,
    ):
        self.frozen = as_frozen_classifier(classifier)
        if classes is None:
            classes = range(self.frozen.num_classes)
        self.classes = np.asarray(list(classes), "int32")
        unknown = (self.classes < 0) | (self.classes >= self.frozen.num_classes)
        if unknown.any() or not len(self.classes):
            raise ValueError(
                "Argument `classes` should name classes from 0 to "
                f"{self.frozen.num_classes - 1}. Received: {self.classes.tolist()}"
            )
        self.thresholds = tuple(thresholds)
        self.background = background
        self.batch_size = batch_size
        self.reset_state()

    def update_state(self, images, class_masks, targets):
        """Adds a batch.

        Args:
            images: Array or tensor (N, H, W, channels), as the classifier takes
                them.
            class_masks: Array or tensor (N, H, W, K) in [0, 1], or bool: the mask
                of each of the `classes`.
            targets: The classes present: indices (N,), or one-hot or multi-hot
                rows (N, C).

        Raises:
            ValueError: If an argument does not suit the others.
        """
        frozen, count = self.frozen, len(self.classes)
        check_images(images, frozen.graph.input_spec.shape[1:], "images")
        images = np.asarray(images, "float32")
        masks = np.asarray(class_masks, "float32")
        if masks.shape != (*images.shape[:3], count):
            raise ValueError(
                "Argument `class_masks` should have the shape "
                f"{(*images.shape[:3], count)}. Received: shape {masks.shape}"
            )
        # NaN exceeds no threshold: it would pass for a mask that hides everything.
        if not np.isfinite(masks).all():
            raise ValueError(
                "Argument `class_masks` should be finite. Received: NaN or infinity"
            )
        targets = np.asarray(targets)
        check_labels(targets, frozen.num_classes, "targets")
        rows = ops.convert_to_numpy(multi_hot_labels(targets, frozen.num_classes))
        if len(rows) != len(images):
            raise ValueError(
                f"Argument `targets` should be of {len(images)} images. "
                f"Received: {len(rows)}"
            )
        present = rows[:, self.classes]
        removed = background_images(self.background, frozen, images)
        probabilities = _masked_probabilities(
            frozen,
            images,
            np.moveaxis(masks, -1, 1).reshape(-1, *images.shape[1:3]),
            np.float32(self.thresholds),
            removed,
            count,
            self.batch_size,
        )
        masked = ops.convert_to_numpy(probabilities)[..., self.classes]
        unmasked = plain_logits(frozen, images, self.batch_size)
        unmasked = ops.convert_to_numpy(ops.softmax(ops.convert_to_tensor(unmasked)))[
            :, self.classes
        ]
        self.probability_sums += np.einsum("nr,ncr->rc", present, masked)
        self.unmasked_sums += (present * unmasked).sum(axis=0)
        self.image_counts += present.sum(axis=0)

    def result(self):
        """Returns the matrix and its summary.

        Returns:
            Dict of "classes" (K,), "images" (K,), "unmasked" (K,) (the probability
            on the whole image), "matrix" (K, K), and the unweighted means over the
            classes that occurred: "own" (diagonal), "other" (the other columns)
            and "gap" = own - other. Rows of classes that did not occur are NaN.
        """
        seen = self.image_counts > 0
        counts = np.where(seen, self.image_counts, np.nan)
        matrix = self.probability_sums / counts[:, None]
        diagonal = np.eye(len(self.classes), dtype=bool)
        own = _mean(matrix[diagonal & seen[:, None]])
        other = _mean(matrix[~diagonal & seen[:, None]])
        return {
            "classes": self.classes,
            "images": self.image_counts.astype(int),
            "unmasked": self.unmasked_sums / counts,
            "matrix": matrix,
            "own": own,
            "other": other,
            "gap": own - other,
        }

    def reset_state(self):
        """Forgets all batches."""
        count = len(self.classes)
        self.probability_sums = np.zeros((count, count))
        self.unmasked_sums = np.zeros(count)
        self.image_counts = np.zeros(count)


def class_discrimination(classifier, images, class_masks, targets, **options):
    """Computes the class-discrimination matrix of one batch.

    Args:
        classifier: As for `ClassDiscrimination`.
        images: Array or tensor (N, H, W, channels), as the classifier takes them.
        class_masks: Array or tensor (N, H, W, K) in [0, 1], or bool.
        targets: The classes present: indices (N,), or one-hot or multi-hot rows
            (N, C).
        **options: The options of `ClassDiscrimination`.

    Returns:
        Dict as `ClassDiscrimination.result` returns it.

    Raises:
        ValueError: If an argument does not suit the others.

    Example:

    >>> result = class_discrimination(classifier, images, class_masks, labels)
    >>> round(result["own"] - result["other"] - result["gap"], 6)
    0.0

    Reference:
        Stalder et al., "What You See is What You Classify", NeurIPS 2022.
    """
    metric = ClassDiscrimination(as_frozen_classifier(classifier, images), **options)
    metric.update_state(images, class_masks, targets)
    return metric.result()


@backend.compiled_for_classifier
def _masked_probabilities(
    frozen, images, masks, thresholds, removed, count, batch_size
):
    levels = thresholds.shape[0]

    def variant(image, index):
        mask = ops.take(masks, image * count + index // levels, axis=0)
        keep = mask > ops.take(thresholds, index % levels)[:, None, None]
        return blend(ops.take(images, image, axis=0), pick(removed, image), keep)

    logits = variant_logits(frozen, images, count * levels, variant, batch_size)
    shape = (-1, count, levels, frozen.num_classes)
    return ops.mean(ops.reshape(ops.softmax(logits), shape), axis=2)


def _mean(values):
    return float(values.mean()) if values.size else float("nan")
