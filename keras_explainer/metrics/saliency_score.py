"""The paper's saliency score: a small mask that keeps the prediction."""

import numpy as np

from keras_explainer.inputs.targets import target_classes
from keras_explainer.metrics.classifier_passes import background_images
from keras_explainer.metrics.classifier_passes import check_inputs
from keras_explainer.metrics.classifier_passes import masked_logits


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
    kept = (chosen * (classes >= 0)).sum(axis=1) / odds.sum(axis=1)
    kept = np.where((classes >= 0).any(axis=1), np.maximum(kept, 1e-16), np.nan)
    area = np.maximum(maps.mean(axis=(1, 2)), min_area)
    return (np.log(area) - np.log(kept)).astype("float32")
