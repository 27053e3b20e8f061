"""Whether the order of a map's pixels is that in which the classifier needs them."""

import math

import numpy as np
from keras import ops

from keras_explainer import backend
from keras_explainer.check_option import check_choice
from keras_explainer.drawn_seed import drawn_seed
from keras_explainer.image_operations.linear_imputation import linear_imputation
from keras_explainer.metrics.classifier_passes import background_images
from keras_explainer.metrics.classifier_passes import blend
from keras_explainer.metrics.classifier_passes import check_inputs
from keras_explainer.metrics.classifier_passes import one_target
from keras_explainer.metrics.classifier_passes import pick
from keras_explainer.metrics.classifier_passes import pixel_ranks
from keras_explainer.metrics.classifier_passes import plain_logits
from keras_explainer.metrics.classifier_passes import target_probability
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
    deletion, insertion = map(ops.convert_to_numpy, (deletion, insertion))
    return {
        "shares": shares,
        "deletion": deletion,
        "insertion": insertion,
        "deletion_auc": _area(deletion, shares),
        "insertion_auc": _area(insertion, shares),
    }


@backend.compiled_for_classifier
def _curves(frozen, images, maps, classes, counts, removed, start, batch_size):
    ranks = pixel_ranks(maps)
    steps = ops.shape(counts)[0]

    def deleted(image, step):
        keep = _take(ranks, image) >= _take(counts, step)[:, None, None]
        return blend(_take(images, image), pick(removed, image), keep)

    def inserted(image, step):
        keep = _take(ranks, image) < _take(counts, step)[:, None, None]
        return blend(_take(images, image), pick(start, image), keep)

    curves = []
    for variant in (deleted, inserted):
        logits = variant_logits(frozen, images, steps, variant, batch_size)
        probabilities = _probabilities(frozen, logits)
        places = ops.cast(classes, "int32")[:, None, None]
        curves.append(ops.take_along_axis(probabilities, places, axis=2)[..., 0])
    return curves


def _take(values, index):
    return ops.take(values, index, axis=0)


def _probabilities(frozen, logits):
    """Returns the probabilities (N, K, C) of logits (N, K, C)."""
    flat = ops.reshape(logits, (-1, frozen.num_classes))
    return ops.reshape(frozen.probabilities(flat), ops.shape(logits))


def _area(curves, shares):
    heights = (curves[:, 1:] + curves[:, :-1]) / 2
    return heights @ np.diff(shares).astype("float32")


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
    check_choice("score", score, ("logit", "probability"))
    rows = np.arange(height) * patches // height
    columns = np.arange(width) * patches // width
    patch_of = (rows[:, None] * patches + columns).astype("int32")
    classes = one_target(frozen, images, targets, batch_size)
    removed = background_images(background, frozen, images)
    logits = _patch_logits(
        frozen, images, patch_of, removed, patches * patches, batch_size
    )
    if score == "probability":
        logits = _probabilities(frozen, logits)
    logits = ops.convert_to_numpy(logits)
    scores = np.take_along_axis(logits, classes[:, None, None], axis=2)[..., 0]
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


@backend.compiled_for_classifier
def _patch_logits(frozen, images, patch_of, removed, count, batch_size):
    # The last variant deletes no patch: the whole image.
    def variant(image, patch):
        keep = patch_of[None] != patch[:, None, None]
        return blend(_take(images, image), pick(removed, image), keep)

    return variant_logits(frozen, images, count + 1, variant, batch_size)


def road(
    classifier,
    images,
    maps,
    targets=None,
    shares=(0.1, 0.3, 0.5, 0.7, 0.9),
    noise=0.01,
    seed=None,
    batch_size=64,
):
    """Computes a class's probability after removing pixels and filling the holes.

    The holes are filled from their surroundings (`linear_imputation`), so that the
    shape of what was removed does not itself tell the class, as black or blurred
    holes do.

    Args:
        classifier: A Keras classifier as `ExplainerModel` takes it, or a
            `FrozenClassifier`.
        images: Array or tensor (N, H, W, channels), as the classifier takes them.
        maps: Array or tensor (N, H, W) or (N, H, W, 1), of any range.
        targets: None (the most probable class), an int, a list of ints (one per
            image) or one-hot rows (N, C).
        shares: Sequence of T floats in (0, 1). Shares of the pixels removed.
        noise: float. Standard deviation of the noise on filled pixels, as a share
            of the range of the images.
        seed: int. Seed of the noise, which is the same for every image. Defaults to
            None: drawn, as `keras.utils.set_random_seed` has it.
        batch_size: int. Images per pass of the classifier.

    Returns:
        Dict of "shares" (T,); "most_first" and "least_first" (N, T), the
        probabilities after removing the pixels of the highest and of the lowest
        values; "score" (N,), the mean over shares of (least_first - most_first) /
        2, higher is better.

    Raises:
        ValueError: If an argument does not suit the others.

    Example:

    >>> road(classifier, images, maps)["most_first"].shape
    (4, 5)

    Reference:
        Rong et al., "A Consistent and Efficient Evaluation Strategy for
        Attribution Methods" (ROAD), ICML 2022, with probabilities in place of
        accuracies.
    """
    frozen, images, maps = check_inputs(classifier, images, maps, in_unit_range=False)
    shares = np.asarray(shares, "float64")
    if shares.ndim != 1 or not len(shares) or not ((0 < shares) & (shares < 1)).all():
        raise ValueError(
            "Argument `shares` should be numbers between 0 and 1. "
            f"Received: {shares.tolist()}"
        )
    classes = one_target(frozen, images, targets, batch_size)
    curves, seed = {}, drawn_seed(seed)
    for name, order in (("most_first", maps), ("least_first", -maps)):
        ranks = ops.convert_to_numpy(pixel_ranks(ops.convert_to_tensor(order)))
        points = []
        for share in shares:
            keep = ranks >= round(share * maps[0].size)
            filled = linear_imputation(images, keep, noise, seed=seed)
            filled = ops.convert_to_numpy(filled)
            logits = plain_logits(frozen, filled, batch_size)
            points.append(target_probability(frozen, logits, classes))
        curves[name] = np.stack(points, axis=1)
    score = (curves["least_first"] - curves["most_first"]).mean(axis=1) / 2
    return {"shares": shares, **curves, "score": score}
