"""Which labels a training step explains in each image."""

import tensorflow as tf
from keras import ops

from keras_explainer.replicas import drawn_per_image


def targets_of_step(rows, alone, step, salt=0):
    """Draws what a training step explains in each image: all its labels, or one.

    Args:
        rows: Multi-hot tensor (N, C), the labels.
        alone: float in [0, 1]. Share of images of which one label is explained.
        step: int tensor (), on which alone the draw depends (`StepSeed.of_step`).
        salt: int. Another one gives another draw.

    Returns:
        Multi-hot tensor (N, C).
    """
    if not alone:
        return rows
    size, num_classes = tf.shape(rows)[0], tf.shape(rows)[1]
    uniform, seed = tf.random.stateless_uniform, [step, 2 * salt]
    order = drawn_per_image(uniform, (size, num_classes), seed, 0.5, 1.0)
    single = tf.one_hot(tf.argmax(order * rows, axis=-1), num_classes) * rows
    draws = drawn_per_image(uniform, (size, 1), [step, 2 * salt + 1])
    is_alone = draws < alone
    return tf.where(is_alone, single, rows)


def class_of_step(rows, step, salt=2):
    """Draws one of the labels of each image.

    Args:
        rows: Multi-hot tensor (N, C), the labels.
        step: int tensor (), on which alone the draw depends (`StepSeed.of_step`).
        salt: int. Another one gives another draw.

    Returns:
        Tuple of the classes, int32 (N, 1), and 1 or 0, float32 (N,): whether the
        image has a label at all; without one the class means nothing.
    """
    return _only_class(targets_of_step(rows, 1.0, step, salt))


def likeliest_class(rows, logits):
    """Returns that label of each image which the classifier gives most to.

    Args:
        rows: Multi-hot tensor (N, C), the labels.
        logits: Tensor (N, C).

    Returns:
        As `class_of_step`, but nothing is drawn.
    """
    places = ops.argmax(ops.where(rows > 0, logits, -float("inf")), axis=-1)
    return _only_class(ops.one_hot(places, rows.shape[-1], dtype="float32") * rows)


def _only_class(single):
    classes = tf.argmax(single, axis=-1, output_type="int32")
    return classes[:, None], tf.reduce_max(single, axis=-1)
