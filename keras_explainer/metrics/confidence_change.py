"""Average drop and increase in confidence on what a map keeps."""

import numpy as np

from keras_explainer.metrics.classifier_passes import background_images
from keras_explainer.metrics.classifier_passes import check_inputs
from keras_explainer.metrics.classifier_passes import masked_logits
from keras_explainer.metrics.classifier_passes import one_target
from keras_explainer.metrics.classifier_passes import plain_logits
from keras_explainer.metrics.classifier_passes import target_probability


def confidence_drop(before, after):
    """Computes the share of the confidence that is lost, max(0, b - a) / b.

    Args:
        before: Array (N,), the probability on the whole image.
        after: Array (N,), the probability on what the map keeps.

    Returns:
        Array (N,) in [0, 1]; its mean is the average drop, lower is better.

    Example:

    >>> confidence_drop([0.8, 0.5], [0.6, 0.9]).round(2).tolist()
    [0.25, 0.0]
    """
    before, after = np.asarray(before), np.asarray(after)
    return np.maximum(before - after, 0) / np.maximum(before, 1e-16)


def confidence_increase(before, after):
    """Tells where the confidence grows.

    Args:
        before: Array (N,), the probability on the whole image.
        after: Array (N,), the probability on what the map keeps.

    Returns:
        Array (N,) of 0 and 1; its mean is the increase in confidence, higher is
        better.

    Example:

    >>> confidence_increase([0.8, 0.5], [0.6, 0.9]).tolist()
    [0.0, 1.0]
    """
    return np.greater(after, before).astype("float32")


def confidence_change(
    classifier, images, maps, targets=None, background="mean", batch_size=64
):
    """Computes drop and increase in confidence when only the map is kept.

    Args:
        classifier: A Keras classifier as `ExplainerModel` takes it, or a
            `FrozenClassifier`.
        images: Array or tensor (N, H, W, channels), as the classifier takes them.
        maps: Array or tensor (N, H, W) or (N, H, W, 1) in [0, 1], or bool.
        targets: None (the most probable class), an int, a list of ints (one per
            image) or one-hot rows (N, C).
        background: What replaces masked-out pixels: "mean", "blur", a number, one
            number per channel, or a `Background`.
        batch_size: int. Images per pass of the classifier.

    Returns:
        Dict of "before" and "after" (N,), the probabilities of the target on the
        whole image and on what the map keeps, "drop" (N,) and "increase" (N,).

    Raises:
        ValueError: If an argument does not suit the others.

    Example:

    >>> result = confidence_change(classifier, images, np.ones((4, 64, 64)))
    >>> result["drop"].round(4).tolist()
    [0.0, 0.0, 0.0, 0.0]

    Reference:
        Chattopadhyay et al., "Grad-CAM++: Generalized Gradient-Based Visual
        Explanations for Deep Convolutional Networks", WACV 2018.
    """
    frozen, images, maps = check_inputs(classifier, images, maps)
    logits = plain_logits(frozen, images, batch_size)
    classes = one_target(frozen, images, targets, batch_size)
    removed = background_images(background, frozen, images)
    kept = masked_logits(frozen, images, maps, removed, batch_size)
    before = target_probability(frozen, logits, classes)
    after = target_probability(frozen, kept, classes)
    return {
        "before": before,
        "after": after,
        "drop": confidence_drop(before, after),
        "increase": confidence_increase(before, after),
    }
