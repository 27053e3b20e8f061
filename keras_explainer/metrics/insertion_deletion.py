"""Insertion and deletion curves of a batch, in one compiled call."""

import math

import numpy as np
import tensorflow as tf

from keras_explainer.metrics.classifier_passes import background_images
from keras_explainer.metrics.classifier_passes import blend
from keras_explainer.metrics.classifier_passes import check_inputs
from keras_explainer.metrics.classifier_passes import one_target
from keras_explainer.metrics.classifier_passes import pick
from keras_explainer.metrics.classifier_passes import pixel_ranks
from keras_explainer.metrics.classifier_passes import variant_logits


def insertion_deletion(
    classifier,
    images,
    maps,
    targets=None,
    step_share=0.01,
    deletion_background="mean",
    insertion_background="blur",
    batch_size=64,
):
    """Computes how a class's probability falls and rises as pixels go and come.

    Deletion replaces the pixels of the highest values first; insertion brings them
    back first, into a background. Equal values go row by row, from the top left,
    so that only the order of a map's values matters. Both curves have both ends:
    the whole image and the background alone.

    Args:
        classifier: A Keras classifier as `ExplainerModel` takes it, or a
            `FrozenClassifier`.
        images: Array or tensor (N, H, W, channels), as the classifier takes them.
        maps: Array or tensor (N, H, W) or (N, H, W, 1), of any range.
        targets: None (the most probable class), an int, a list of ints (one per
            image) or one-hot rows (N, C).
        step_share: float in (0, 1]. Share of the pixels per step.
        deletion_background: What replaces deleted pixels: "mean" (the mean colour),
            "blur" (a Gaussian of 5 pixels), a number, one number per channel, or a
            `Background`.
        insertion_background: What insertion starts from, likewise.
        batch_size: int. Pictures per pass of the classifier.

    Returns:
        Dict of "shares" (S + 1,), the shares of the pixels deleted or inserted;
        "deletion" and "insertion" (N, S + 1), the probabilities; "deletion_auc"
        (N,), lower is better, and "insertion_auc" (N,), higher is better.

    Raises:
        ValueError: If an argument does not suit the others.

    Example:

    >>> result = insertion_deletion(classifier, images, maps, step_share=0.1)
    >>> result["deletion"].shape
    (4, 11)

    Reference:
        Petsiuk et al., "RISE: Randomized Input Sampling for Explanation of
        Black-box Models", BMVC 2018.
    """
    frozen, images, maps = check_inputs(classifier, images, maps, in_unit_range=False)
    if not 0 < step_share <= 1:
        raise ValueError(
            "Argument `step_share` should be above 0 and at most 1. "
            f"Received: {step_share}"
        )
    classes = one_target(frozen, images, targets, batch_size)
    steps = math.ceil(round(1 / step_share, 6))
    shares = np.minimum(np.arange(steps + 1) * step_share, 1.0)
    counts = np.round(shares * maps[0].size).astype("int32")
    deletion, insertion = _curves(
        frozen,
        images,
        maps,
        classes,
        counts,
        background_images(deletion_background, frozen, images),
        background_images(insertion_background, frozen, images),
        batch_size,
    )
    deletion, insertion = deletion.numpy(), insertion.numpy()
    return {
        "shares": shares,
        "deletion": deletion,
        "insertion": insertion,
        "deletion_auc": _area(deletion, shares),
        "insertion_auc": _area(insertion, shares),
    }


@tf.function(reduce_retracing=True)
def _curves(frozen, images, maps, classes, counts, removed, start, batch_size):
    ranks = pixel_ranks(maps)
    steps = tf.shape(counts)[0]

    def deleted(image, step):
        keep = tf.gather(ranks, image) >= tf.gather(counts, step)[:, None, None]
        return blend(tf.gather(images, image), pick(removed, image), keep)

    def inserted(image, step):
        keep = tf.gather(ranks, image) < tf.gather(counts, step)[:, None, None]
        return blend(tf.gather(images, image), pick(start, image), keep)

    curves = []
    for variant in (deleted, inserted):
        logits = variant_logits(frozen, images, steps, variant, batch_size)
        flat = tf.reshape(logits, (-1, frozen.num_classes))
        probabilities = tf.reshape(frozen.probabilities(flat), tf.shape(logits))
        picked = tf.gather(probabilities, classes, axis=2, batch_dims=1)
        curves.append(picked)
    return curves


def _area(curves, shares):
    heights = (curves[:, 1:] + curves[:, :-1]) / 2
    return heights @ np.diff(shares).astype("float32")
