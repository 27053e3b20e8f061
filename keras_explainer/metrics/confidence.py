"""How sure the classifier is of what a mask keeps, and of what it leaves over."""

import numpy as np
from keras import ops

from keras_explainer.inputs.targets import target_classes
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
    masked = masked_logits(frozen, images, maps, removed, batch_size)
    before = target_probability(frozen, logits, classes)
    after = target_probability(frozen, masked, classes)
    return {
        "before": before,
        "after": after,
        "drop": confidence_drop(before, after),
        "increase": confidence_increase(before, after),
    }


def complement_entropy(classifier, images, maps, background="mean", batch_size=64):
    """Computes the entropy of the prediction on the complement, per image.

    For a softmax classifier the entropy of its classes divided by log(C), for a
    sigmoid classifier the mean entropy of its classes divided by log(2): 1 where
    the complement tells nothing, 0 where the classifier is still certain.

    Args:
        classifier: A Keras classifier as `ExplainerModel` takes it, or a
            `FrozenClassifier`.
        images: Array or tensor (N, H, W, channels), as the classifier takes them.
        maps: Array or tensor (N, H, W) or (N, H, W, 1) in [0, 1], or bool.
        background: What replaces the pixels inside the mask: "mean", "blur", a
            number, one number per channel, or a `Background`.
        batch_size: int. Images per pass of the classifier.

    Returns:
        float32 array (N,) in [0, 1], higher is better.

    Raises:
        ValueError: If an argument does not suit the others.

    Example:

    >>> complement_entropy(classifier, images, np.zeros((4, 64, 64))).shape
    (4,)

    Reference:
        Stalder et al., "What You See is What You Classify", NeurIPS 2022.
    """
    frozen, images, maps = check_inputs(classifier, images, maps)
    removed = background_images(background, frozen, images)
    logits = masked_logits(frozen, images, 1.0 - maps, removed, batch_size)
    p = ops.convert_to_numpy(frozen.probabilities(ops.convert_to_tensor(logits)))
    if frozen.multi_label:
        return ((_surprise(p) + _surprise(1 - p)) / np.log(2)).mean(axis=1)
    return _surprise(p).sum(axis=1) / np.float32(np.log(max(p.shape[1], 2)))


def _surprise(p):
    return -p * np.log(np.maximum(p, 1e-16))


def saliency_score(
    classifier,
    images,
    maps,
    targets,
    background="mean",
    min_area=0.05,
    batch_size=64,
):
    """Computes the log of a mask's area minus the log of what it keeps, per image.

    log(max(mean of the mask, min_area)) - log(sum of the targets' probabilities on
    the masked image), lower is better. The probabilities are always a softmax, as
    in the paper, so that several targets sum to at most 1; each class counts once
    (the authors' code counts it once per object on VOC).

    Args:
        classifier: A Keras classifier as `ExplainerModel` takes it, or a
            `FrozenClassifier`.
        images: Array or tensor (N, H, W, channels), as the classifier takes them.
        maps: Array or tensor (N, H, W) or (N, H, W, 1) in [0, 1], or bool.
        targets: An int, a list of ints (one per image), or one-hot or multi-hot
            rows (N, C).
        background: What replaces masked-out pixels: "mean", "blur", a number, one
            number per channel, or a `Background`.
        min_area: float. Areas below count as this.
        batch_size: int. Images per pass of the classifier.

    Returns:
        float32 array (N,); NaN for images without a target.

    Raises:
        ValueError: If an argument does not suit the others.

    Example:

    >>> saliency_score(classifier, images, np.ones((4, 64, 64)), targets=0).shape
    (4,)

    Reference:
        Dabkowski and Gal, "Real Time Image Saliency for Black Box Classifiers",
        NeurIPS 2017; Stalder et al., "What You See is What You Classify", NeurIPS
        2022 (masks instead of crops).
    """
    frozen, images, maps = check_inputs(classifier, images, maps)
    classes = target_classes(targets, len(images), frozen.num_classes)
    removed = background_images(background, frozen, images)
    logits = masked_logits(frozen, images, maps, removed, batch_size)
    logits = logits - logits.max(axis=1, keepdims=True)
    odds = np.exp(logits)
    chosen = np.take_along_axis(odds, np.maximum(classes, 0), axis=1)
    probability = (chosen * (classes >= 0)).sum(axis=1) / odds.sum(axis=1)
    probability = np.maximum(probability, 1e-16)
    probability = np.where((classes >= 0).any(axis=1), probability, np.nan)
    area = np.maximum(maps.mean(axis=(1, 2)), min_area)
    return (np.log(area) - np.log(probability)).astype("float32")
