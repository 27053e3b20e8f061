"""ROAD: remove pixels and fill the holes, most and least important first."""

import numpy as np

from keras_explainer.drawn_seed import drawn_seed
from keras_explainer.image_operations.linear_imputation import linear_imputation
from keras_explainer.metrics.classifier_passes import check_inputs
from keras_explainer.metrics.classifier_passes import one_target
from keras_explainer.metrics.classifier_passes import pixel_ranks
from keras_explainer.metrics.classifier_passes import plain_logits
from keras_explainer.metrics.classifier_passes import target_probability


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
        ranks = pixel_ranks(order).numpy()
        points = []
        for share in shares:
            keep = ranks >= round(share * maps[0].size)
            filled = linear_imputation(images, keep, noise, seed=seed)
            logits = plain_logits(frozen, filled, batch_size)
            points.append(target_probability(frozen, logits, classes))
        curves[name] = np.stack(points, axis=1)
    score = (curves["least_first"] - curves["most_first"]).mean(axis=1) / 2
    return {"shares": shares, **curves, "score": score}
