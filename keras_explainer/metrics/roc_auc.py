"""Area under the ROC curve of the pixels of maps."""

import keras
import tensorflow as tf

from keras_explainer.metrics.map_arrays import compare
from keras_explainer.metrics.map_arrays import known_where
from keras_explainer.metrics.mean_over_images import MeanOverImages


def roc_auc(masks, truth):
    """Computes the area under the ROC curve of the pixels, per image.

    It is the probability that a pixel of the object has a larger value than one of
    the background, ties counting half, so that only the order of values matters.

    Args:
        masks: Array or tensor (N, H, W) or (N, H, W, 1), of any range.
        truth: Array or tensor of the same size, bool, or 0 for background, 255 for
            void (not counted), anything else for the object.

    Returns:
        float32 tensor (N,) in [0, 1]; NaN for images without an object or without
        background.

    Raises:
        ValueError: If the shapes do not suit each other.

    Example:

    >>> mask, truth = np.array([[[0.9, 0.6, 0.6]]]), np.array([[[1, 1, 0]]])
    >>> roc_auc(mask, truth).numpy().tolist()
    [0.75]
    """
    masks, inside, valid = (
        tf.reshape(part, (tf.shape(part)[0], -1)) for part in compare(masks, truth)
    )
    # Void pixels rank below all others; sums of ranks exceed float32.
    scores = tf.where(valid > 0, masks, float("-inf"))
    void = tf.reduce_sum(tf.cast(1.0 - valid, "float64"), axis=1)
    in_order = tf.sort(scores, axis=1)
    below = tf.searchsorted(in_order, scores, side="left")
    up_to = tf.searchsorted(in_order, scores, side="right")
    ranks = (tf.cast(below + up_to + 1, "float64")) / 2 - void[:, None]
    inside = tf.cast(inside, "float64")
    positives = tf.reduce_sum(inside, axis=1)
    negatives = tf.cast(tf.shape(scores)[1], "float64") - void - positives
    wins = tf.reduce_sum(ranks * inside, axis=1) - positives * (positives + 1) / 2
    pairs = positives * negatives
    auc = tf.math.divide_no_nan(wins, pairs)
    return known_where(pairs > 0, tf.cast(auc, "float32"))


@keras.saving.register_keras_serializable(package="keras_explainer")
class ROCAUC(MeanOverImages):
    """Averages `roc_auc` over images.

    Example:

    >>> model.compile(metrics=[ROCAUC()])
    """

    def __init__(self, name="roc_auc", dtype=None):
        super().__init__(roc_auc, {}, name, dtype)
