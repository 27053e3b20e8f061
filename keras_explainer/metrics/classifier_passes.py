"""A frozen classifier on many variants of the same images, in one compiled call."""

import functools

import keras
import numpy as np
from keras import ops

from keras_explainer import backend
from keras_explainer.classifiers.frozen_classifier import FrozenClassifier
from keras_explainer.classifiers.layer_graph import has_graph
from keras_explainer.classifiers.preprocessing import Preprocessing
from keras_explainer.image_operations.background import Background
from keras_explainer.image_operations.gaussian_blur import reflecting_gaussian_blur
from keras_explainer.inputs.images import as_array
from keras_explainer.inputs.images import check_images
from keras_explainer.inputs.targets import target_classes
from keras_explainer.metrics.mask_metric import as_maps

# Standard deviation of the background "blur", in pixels, as published for insertion.
_BLUR = 5.0


# The last classifiers are kept, so that a dataset is scored with one trace.
@functools.lru_cache(maxsize=2)
def _freeze(classifier, image_shape):
    return FrozenClassifier(classifier, image_shape=image_shape)


def as_frozen_classifier(classifier, images=None):
    """Returns a classifier as a `FrozenClassifier`.

    Args:
        classifier: A Keras classifier as `ExplainerModel` takes it, whatever else maps
            images to scores (a subclassed model, a layer or a function), or a
            `FrozenClassifier`, which can say what a linear head means.
        images: Array or tensor (N, H, W, channels), the shape of which goes for what
            has none of its own; None refuses such a classifier.

    Raises:
        ValueError: If it is none of these.
    """
    if isinstance(classifier, FrozenClassifier):
        return classifier
    if has_graph(classifier):
        return _freeze(classifier, None)
    shape = None if images is None else tuple(images.shape)
    if not callable(classifier) or (shape is not None and len(shape) != 4):
        raise ValueError(
            "Argument `classifier` should map images (N, H, W, channels) to class "
            "scores: a Keras model, a function, or a `FrozenClassifier`. Received: "
            f"{type(classifier).__name__}"
            + ("" if shape is None else f", and images of shape {shape}")
        )
    return _freeze(classifier, shape and shape[1:])


def check_inputs(classifier, images, maps, in_unit_range=True):
    """Returns the frozen classifier, and images and maps as float32 arrays.

    Args:
        classifier: As for `as_frozen_classifier`.
        images: Array or tensor (N, H, W, channels).
        maps: Array or tensor (N, H, W) or (N, H, W, 1).
        in_unit_range: Boolean. Whether the maps multiply the images, and so must
            be in [0, 1].

    Raises:
        ValueError: If shapes or values do not suit each other.
    """
    frozen = as_frozen_classifier(classifier, images)
    check_images(images, frozen.graph.input_spec.shape[1:], "images")
    images, maps = as_array(images), as_maps(maps, "maps")
    images, maps = np.float32(images), ops.convert_to_numpy(maps)
    if maps.shape != images.shape[:3]:
        raise ValueError(
            f"Argument `maps` should have the size of the images, {images.shape[:3]}. "
            f"Received: shape {maps.shape}"
        )
    if in_unit_range and not (maps.min() >= 0 and maps.max() <= 1):
        raise ValueError(
            "Argument `maps` should be in [0, 1], since they multiply the images. "
            f"Received: values from {maps.min():.3g} to {maps.max():.3g}"
        )
    return frozen, images, maps


def one_target(frozen, images, targets, batch_size):
    """Returns the class explained in each image, int32 (N,).

    Args:
        frozen: The `FrozenClassifier`.
        images: Array (N, H, W, channels).
        targets: None (the most probable class), an int, a list of ints (one per
            image) or one-hot rows (N, C).
        batch_size: int. Images per pass.

    Raises:
        ValueError: If an image has no target or several.
    """
    if targets is None:
        logits = plain_logits(frozen, images, batch_size)
        return np.argmax(logits, axis=-1).astype("int32")
    classes = target_classes(targets, len(images), frozen.num_classes)
    if classes.shape[1] != 1 or (classes < 0).any():
        counts = (classes >= 0).sum(axis=1)
        raise ValueError(
            "Argument `targets` should name one class per image. "
            f"Received: {counts[counts != 1][0]} classes for an image"
        )
    return classes[:, 0]


def background_images(background, frozen, images):
    """Returns what replaces removed pixels, (1, 1, 1, channels) or like the images.

    Args:
        background: "mean" (the mean colour in the classifier's input space, that
            of each image if it is not known), a number, one number per
            channel, a `Background`, or "blur" (a Gaussian of 5 pixels).
        frozen: The `FrozenClassifier`.
        images: Array (N, H, W, channels).
    """
    if isinstance(background, str) and background == "blur":
        return reflecting_gaussian_blur(ops.convert_to_tensor(images), _BLUR)
    if not isinstance(background, Background):
        known = Preprocessing("auto", frozen.graph).background
        background = Background(background, images.shape[-1], known)
        if background.to_measure:
            means = np.mean(images, axis=(1, 2), keepdims=True)
            return ops.convert_to_tensor(np.broadcast_to(means, images.shape))
    return ops.reshape(ops.convert_to_tensor(background.color), (1, 1, 1, -1))


def variant_logits(frozen, images, count, variant, batch_size):
    """Runs the classifier on `count` variants of each image, inside a graph.

    Args:
        frozen: The `FrozenClassifier`.
        images: Tensor (N, H, W, channels).
        count: int, or scalar tensor. Variants per image.
        variant: Function from the indices of images (B,) and of variants (B,) to
            pictures (B, H, W, channels).
        batch_size: int. Pictures per pass.

    Returns:
        float32 tensor (N, count, C).
    """
    total = ops.shape(images)[0] * count
    chunks = -(-total // batch_size)
    # All passes are of one size; the last repeats a variant where they do not share.
    each = -(-total // chunks)
    places = ops.minimum(ops.arange(chunks * each, dtype="int32"), total - 1)

    def one_pass(index):
        pictures = variant(index // count, index % count)
        pictures = backend.with_shape(pictures, (None, *images.shape[1:]))
        return frozen.logits(pictures)

    logits = backend.each_in_turn(one_pass, ops.reshape(places, (chunks, each)))
    logits = ops.reshape(logits, (-1, frozen.num_classes))[:total]
    return ops.reshape(logits, (-1, count, frozen.num_classes))


def blend(images, background, keep):
    """Returns the images where `keep` is 1, and the background where it is 0.

    Args:
        images: Tensor (N, H, W, channels).
        background: Tensor that broadcasts against `images`.
        keep: Tensor (N, H, W), float in [0, 1] or bool.
    """
    keep = keep[..., None]
    if keras.backend.standardize_dtype(keep.dtype) == "bool":
        return ops.where(keep, images, background)
    return background + keep * (images - background)


def pick(images, index):
    """Returns some of the images, or what all of them share."""
    return images if images.shape[0] == 1 else ops.take(images, index, axis=0)


@backend.compiled_for_classifier
def _masked_logits(frozen, images, masks, background, batch_size):
    def variant(image, _):
        return blend(
            ops.take(images, image, axis=0),
            pick(background, image),
            ops.take(masks, image, axis=0),
        )

    return variant_logits(frozen, images, 1, variant, batch_size)[:, 0]


def masked_logits(frozen, images, masks, background, batch_size):
    """Returns the logits (N, C) of images blended with a background, as an array."""
    logits = _masked_logits(frozen, images, masks, background, batch_size)
    return ops.convert_to_numpy(logits)


def plain_logits(frozen, images, batch_size):
    """Returns the logits (N, C) of images, as an array."""
    ones = np.ones(images.shape[:3], "float32")
    return masked_logits(
        frozen, images, ones, np.zeros((1, 1, 1, 1), "float32"), batch_size
    )


def target_probability(frozen, logits, classes):
    """Returns the probability (N,) of each image's class, from logits (N, C)."""
    probabilities = ops.convert_to_numpy(
        frozen.probabilities(ops.convert_to_tensor(logits))
    )
    return np.take_along_axis(probabilities, classes[:, None], axis=1)[:, 0]


def pixel_ranks(maps):
    """Ranks the pixels of each map, 0 for the largest value.

    Equal values rank row by row, from the top left.

    Args:
        maps: Tensor (N, H, W).

    Returns:
        int32 tensor (N, H, W).
    """
    flat = ops.reshape(maps, (ops.shape(maps)[0], -1))
    order = backend.stable_argsort(-flat)
    return ops.reshape(ops.cast(ops.argsort(order, axis=1), "int32"), ops.shape(maps))
