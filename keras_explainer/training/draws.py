"""What a training step draws: composites, crops, views to find masks in, labels."""

from typing import Any
from typing import NamedTuple

from keras import ops

from keras_explainer import backend
from keras_explainer.image_operations.augmented_view import augmented_view
from keras_explainer.image_operations.composites import composites
from keras_explainer.image_operations.crops import crops


class DrawnBatch(NamedTuple):
    """A batch as a step of `ExplainerModel` learns from it.

    Args:
        images: Tensor (N, H, W, channels), which masks are judged on.
        view: The same tensor, or another in which masks are found.
        judged: Multi-hot tensor (N, C), the labels that are judged.
        others: Multi-hot tensor (N, C), those that are there besides, or None.
        share: Tensor (N,), the area that an image takes in areas of the picture: the
            part of a composite that shows the judged labels, more than 1 of crops, and
            1 of whole images; or None.
        part: Tensor (N, H, W), 1 where the picture shows this image and 0 in the other
            parts of a composite; or None.
    """

    images: Any
    view: Any
    judged: Any
    others: Any = None
    share: Any = None
    part: Any = None


class StepDraws:
    """Decides what a step of `ExplainerModel` draws.

    Args:
        composites: float in [0, 1]. Share of the images that are replaced by composites
            of images of the batch (`composites`).
        crops: float in [0, 1]. Share of the others that are replaced by what is seen of
            them through a window (`crops`).
        augmentation: float in [0, 1]. Share of the images that stay whole whose masks
            are found in a view that is hard to recognise (`augmented_view`).
        single_label: float in [0, 1]. Share of the images of which one label, drawn at
            random, is judged alone.

    Raises:
        ValueError: If an argument is no share.
    """

    def __init__(self, composites, crops, augmentation, single_label):
        self.composites, self.crops = composites, crops
        self.augmentation, self.single_label = augmentation, single_label
        for name, share in vars(self).items():
            if not isinstance(share, (int, float)) or not 0 <= share <= 1:
                raise ValueError(
                    f"Argument `{name}` should be a share from 0 to 1. "
                    f"Received: {share!r}"
                )

    def __call__(self, images, labels, are_sure, color, span_of, step):
        """Draws what a step learns from.

        Args:
            images: Tensor (N, H, W, channels).
            labels: Multi-hot tensor (N, C).
            are_sure: Boolean tensor (N,). Whether the labels of an image are true.
            color: Tensor (channels,), of what is cut out of a view.
            span_of: Function from images to half of the range of their values.
            step: int tensor (), on which alone the draws depend (`StepSeed.of_step`).

        Returns:
            A `DrawnBatch`.
        """
        present = judged = labels
        share = part = None
        if self.single_label:
            judged = judged_labels(labels, self.single_label, step)
        if self.composites:
            images, made_of, share, part = composites(
                images, are_sure, self.composites, step
            )
            present = ops.max(ops.take(labels, made_of, axis=0), axis=1)
        if self.crops:
            whole = ops.ones(ops.shape(images)[:1]) if share is None else share
            images, enlarged = crops(images, whole == 1.0, self.crops, step)
            share = whole * enlarged
        view = images
        if self.augmentation:
            span = span_of(images)
            view = augmented_view(images, color, span, self.augmentation, step)
            if share is not None:
                # Parts are hard enough to find, and have to be seen to be judged.
                view = ops.where(share[:, None, None, None] == 1.0, view, images)
        others = None if present is judged else present - judged
        return DrawnBatch(images, view, judged, others, share, part)


def judged_labels(labels, single_label, step, salt=0):
    """Draws what a training step judges in each image: all its labels, or one.

    Args:
        labels: Multi-hot tensor (N, C).
        single_label: float in [0, 1]. Share of images of which one label is judged.
        step: int tensor (), on which alone the draw depends (`StepSeed.of_step`).
        salt: int. Another one gives another draw.

    Returns:
        Multi-hot tensor (N, C).
    """
    size, num_classes = ops.shape(labels)
    seed = [step, 2 * salt]
    order = backend.uniform_per_image((size, num_classes), seed, 0.5, 1.0)
    single = ops.one_hot(ops.argmax(order * labels, axis=-1), num_classes) * labels
    draws = backend.uniform_per_image((size, 1), [step, 2 * salt + 1])
    return ops.where(draws < single_label, single, labels)


def drawn_label(labels, step, salt=2):
    """Draws one of the labels of each image.

    Args:
        labels: Multi-hot tensor (N, C).
        step: int tensor (), on which alone the draw depends (`StepSeed.of_step`).
        salt: int. Another one gives another draw.

    Returns:
        Tuple of the classes, int32 (N, 1), and 1 or 0, float32 (N,): whether the
        image has a label at all; without one the class means nothing.
    """
    return _only_class(judged_labels(labels, 1.0, step, salt))


def likeliest_label(labels, logits):
    """Returns that label of each image which the classifier gives most to.

    Args:
        labels: Multi-hot tensor (N, C).
        logits: Tensor (N, C).

    Returns:
        As `drawn_label`, but nothing is drawn.
    """
    places = ops.argmax(ops.where(labels > 0, logits, -float("inf")), axis=-1)
    return _only_class(ops.one_hot(places, labels.shape[-1], dtype="float32") * labels)


def _only_class(single):
    classes = ops.cast(ops.argmax(single, axis=-1), "int32")
    return classes[:, None], ops.max(single, axis=-1)
