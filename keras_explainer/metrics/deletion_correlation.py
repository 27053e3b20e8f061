"""Does a patch's attribution tell what deleting the patch costs?"""

import numpy as np
import tensorflow as tf

from keras_explainer.metrics.classifier_passes import background_images
from keras_explainer.metrics.classifier_passes import blend
from keras_explainer.metrics.classifier_passes import check_inputs
from keras_explainer.metrics.classifier_passes import one_target
from keras_explainer.metrics.classifier_passes import pick
from keras_explainer.metrics.classifier_passes import variant_logits


def deletion_correlation(
    classifier,
    images,
    maps,
    targets=None,
    patches=4,
    score="logit",
    background="mean",
    batch_size=64,
):
    """Correlates the attribution of patches with the effect of deleting them.

    The image is cut into patches x patches; each is deleted by itself. The value is
    the Pearson correlation, over patches, between the sum of the map in a patch
    and the drop of the target's score. The published measure ranks the patches
    and first fine-tunes the classifier on images with deleted patches; here the
    classifier stays as it is, and may never have seen such images.

    Args:
        classifier: A Keras classifier as `ExplainerModel` takes it, or a
            `FrozenClassifier`.
        images: Array or tensor (N, H, W, channels), as the classifier takes them.
        maps: Array or tensor (N, H, W) or (N, H, W, 1), of any range.
        targets: None (the most probable class), an int, a list of ints (one per
            image) or one-hot rows (N, C).
        patches: int, at least 2. Patches along each side.
        score: "logit" or "probability".
        background: What replaces deleted pixels: "mean", "blur", a number, one
            number per channel, or a `Background`.
        batch_size: int. Pictures per pass of the classifier.

    Returns:
        float64 array (N,) in [-1, 1], higher is better; NaN where all patches have
        the same attribution or the same effect.

    Raises:
        ValueError: If an argument does not suit the others.

    Example:

    >>> deletion_correlation(classifier, images, maps, patches=4).shape
    (4,)

    Reference:
        Hesse et al., "Benchmarking the Attribution Quality of Vision Models",
        NeurIPS 2024.
    """
    frozen, images, maps = check_inputs(classifier, images, maps, in_unit_range=False)
    height, width = maps.shape[1:]
    if not 2 <= patches <= min(height, width):
        raise ValueError(
            f"Argument `patches` should be from 2 to {min(height, width)}. "
            f"Received: {patches}"
        )
    if score not in ("logit", "probability"):
        raise ValueError(
            f'Argument `score` should be "logit" or "probability". Received: {score!r}'
        )
    rows = np.arange(height) * patches // height
    columns = np.arange(width) * patches // width
    patch_of = (rows[:, None] * patches + columns).astype("int32")
    classes = one_target(frozen, images, targets, batch_size)
    removed = background_images(background, frozen, images)
    logits = _patch_logits(
        frozen, images, patch_of, removed, patches * patches, batch_size
    )
    shape = logits.shape
    if score == "probability":
        flat = tf.reshape(logits, (-1, frozen.num_classes))
        logits = tf.reshape(frozen.probabilities(flat), shape)
    scores = tf.gather(logits, classes, axis=2, batch_dims=1).numpy()
    drops = scores[:, -1:] - scores[:, :-1]
    sums = [np.bincount(patch_of.ravel(), weights=np.ravel(each)) for each in maps]
    return pearson(np.array(sums), drops)


def pearson(first, second):
    """Returns the Pearson correlation of each row of (N, K) arrays, (N,).

    Args:
        first: Array (N, K).
        second: Array (N, K).

    Returns:
        float64 array (N,); NaN where a row is constant.

    Example:

    >>> pearson([[1, 2, 3]], [[2, 4, 6]]).tolist()
    [1.0]
    """
    first, second = np.asarray(first, "float64"), np.asarray(second, "float64")
    first = first - first.mean(axis=1, keepdims=True)
    second = second - second.mean(axis=1, keepdims=True)
    norm = np.sqrt((first**2).sum(axis=1) * (second**2).sum(axis=1))
    product = (first * second).sum(axis=1)
    return np.where(norm > 0, product / np.where(norm > 0, norm, 1), np.nan)


@tf.function(reduce_retracing=True)
def _patch_logits(frozen, images, patch_of, removed, count, batch_size):
    # The last variant deletes no patch: the whole image.
    def variant(image, patch):
        keep = patch_of[None] != patch[:, None, None]
        return blend(tf.gather(images, image), pick(removed, image), keep)

    return variant_logits(frozen, images, count + 1, variant, batch_size)
