"""How little the classifier knows from what a mask leaves over."""

import numpy as np

from keras_explainer.metrics.classifier_passes import background_images
from keras_explainer.metrics.classifier_passes import check_inputs
from keras_explainer.metrics.classifier_passes import masked_logits


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
    p = np.asarray(frozen.probabilities(logits))
    if frozen.multi_label:
        return ((_surprise(p) + _surprise(1 - p)) / np.log(2)).mean(axis=1)
    return _surprise(p).sum(axis=1) / np.float32(np.log(max(p.shape[1], 2)))


def _surprise(p):
    return -p * np.log(np.maximum(p, 1e-16))
