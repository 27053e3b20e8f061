"""What a training step draws: the views that masks are found in, the labels judged."""

import tensorflow as tf
from keras import ops

from keras_explainer.image_operations.augmented_view import augmented_view
from keras_explainer.replicas import drawn_per_image


class StepDraws:
    """Decides what a step of `ExplainerModel` draws.

    Args:
        augmentation: float in [0, 1]. Share of the images whose masks are found in a
            view that is hard to recognise (`augmented_view`).
        single_label: float in [0, 1]. Share of the images of which one label, drawn at
            random, is judged alone.

    Raises:
        ValueError: If an argument is no share.
    """

    def __init__(self, augmentation, single_label):
        self.augmentation, self.single_label = augmentation, single_label
        for name, share in vars(self).items():
            if not isinstance(share, (int, float)) or not 0 <= share <= 1:
                raise ValueError(
                    f"Argument `{name}` should be a share from 0 to 1. "
                    f"Received: {share!r}"
                )

    def __call__(self, images, labels, color, span, step):
        """Draws the views and the labels of a step.

        Args:
            images: Tensor (N, H, W, channels).
            labels: Multi-hot tensor (N, C).
            color: Tensor (channels,), of what is cut out of a view.
            span: float, or tensor (N, 1, 1, 1). Half of the range of an image's values.
            step: int tensor (), on which alone the draws depend (`StepSeed.of_step`).

        Returns:
            Tuple of images and labels as given, where nothing is drawn the same ones.
        """
        view, judged = images, labels
        if self.single_label:
            judged = judged_labels(labels, self.single_label, step)
        if self.augmentation:
            view = augmented_view(images, color, span, self.augmentation, step)
        return view, judged


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
    size, num_classes = tf.shape(labels)[0], tf.shape(labels)[1]
    uniform, seed = tf.random.stateless_uniform, [step, 2 * salt]
    order = drawn_per_image(uniform, (size, num_classes), seed, 0.5, 1.0)
    single = tf.one_hot(tf.argmax(order * labels, axis=-1), num_classes) * labels
    draws = drawn_per_image(uniform, (size, 1), [step, 2 * salt + 1])
    return tf.where(draws < single_label, single, labels)


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
    classes = tf.argmax(single, axis=-1, output_type="int32")
    return classes[:, None], tf.reduce_max(single, axis=-1)
