"""Where the masks of a row of the comparison come from, under one interface."""

import typing

import numpy as np
from keras import ops

from keras_explainer.metrics.sanity import random_mask_like


class Batch(typing.NamedTuple):
    """Images to explain.

    Args:
        images: float32 array (N, H, W, channels), as the classifier takes them.
        labels: float32 multi-hot rows (N, C), the classes to explain.
        truth: uint8 array (N, H, W), 0 for background, i + 1 for class i, 255 for
            void; or None.
        first: int, the number of the first image in the data.
    """

    images: typing.Any
    labels: typing.Any
    truth: typing.Any
    first: int

    def since(self, number):
        """Returns the part from the image of this number in the data on."""
        part = slice(max(0, number - self.first), None)
        truth = None if self.truth is None else self.truth[part]
        first = max(self.first, number)
        return Batch(self.images[part], self.labels[part], truth, first)


class MaskSource:
    """Gives a mask for each pair of an image and a class, and the order of its pixels.

    Args:
        passes: int. Images put through the classifier for one pair.
        shares_passes: Boolean. Whether all classes of an image share them.
        stretch: None, "class" or "merged": which masks are stretched from 0 to 1.
        empties_merged: Boolean. Whether one empty map empties the merged mask.
    """

    def __init__(
        self, passes=0, shares_passes=True, stretch=None, empties_merged=False
    ):
        self.passes, self.shares_passes = passes, shares_passes
        self.stretch, self.empties_merged = stretch, empties_merged

    def pair_masks(self, batch, image_indices, classes):
        """Computes the masks of pairs alone, as `pair_maps` does."""
        return self.pair_maps(batch, image_indices, classes)[0]

    def pair_maps(self, batch, image_indices, classes):
        """Computes the masks of pairs, and the maps that tell the order of pixels.

        Args:
            batch: A `Batch`.
            image_indices: int array (P,), the image of each pair.
            classes: int array (P,), the class of each pair.

        Returns:
            Tuple of float32 arrays (P, H, W) in [0, 1]: masks, and relevance, which is
            the same where a method has one map for both.
        """
        masks = np.asarray(self._masks(batch, image_indices, classes), "float32")
        masks = stretched(masks) if self.stretch == "class" else masks
        return masks, masks

    def merge(self, masks, image_indices, count):
        """Returns the pixel-wise maximum (N, H, W) of the masks of each image."""
        merged = np.zeros((count, *masks.shape[1:]), "float32")
        np.maximum.at(merged, image_indices, masks)
        if self.empties_merged:
            merged[image_indices[is_empty(masks)]] = 0
        return stretched(merged) if self.stretch == "merged" else merged

    def classifier_passes(self, pairs):
        """Returns the passes for an array of numbers of pairs per image."""
        return self.passes * (np.minimum(pairs, 1) if self.shares_passes else pairs)

    def _masks(self, batch, image_indices, classes):
        raise TypeError(f"{type(self).__name__} should define `_masks`.")


class ConstantMasks(MaskSource):
    """The same value at every pixel."""

    def __init__(self, value):
        super().__init__()
        self.value = value

    def _masks(self, batch, image_indices, classes):
        return np.full((len(image_indices), *batch.images.shape[1:3]), self.value)


class RandomMasks(MaskSource):
    """Smooth noise from 0 to 1, another for each image."""

    def __init__(self, seed):
        super().__init__()
        self.seed = seed

    def _masks(self, batch, image_indices, classes):
        shape = batch.images.shape[1:3]
        ramp = np.linspace(0, 1, shape[0] * shape[1]).reshape(1, *shape)
        return np.concatenate(
            [
                random_mask_like(ramp, self.seed + batch.first + index)
                for index in image_indices
            ]
        )


class RandomAreaMasks(MaskSource):
    """Random blobs with the very values, and so the areas, of another source's masks.

    Args:
        source: The `MaskSource`.
        seed: int. Each pair of an image and a class has blobs of its own.
    """

    def __init__(self, source, seed):
        super().__init__()
        self.source, self.seed = source, seed

    def _masks(self, batch, image_indices, classes):
        masks = self.source.pair_masks(batch, image_indices, classes)
        # A prime, so that no class of an image has the blobs of another image soon.
        seeds = self.seed + batch.first + image_indices + 7919 * classes
        return np.concatenate(
            [
                random_mask_like(mask[None], int(seed))
                for mask, seed in zip(masks, seeds)
            ]
        )


class TrueMasks(MaskSource):
    """The true outline of the class."""

    def __init__(self, protocol):
        super().__init__()
        self.protocol = protocol

    def _masks(self, batch, image_indices, classes):
        if batch.truth is None:
            raise ValueError("The data has no true masks")
        return self.protocol.object_masks(batch.truth[image_indices], classes) == 1


class ExplainerMasks(MaskSource):
    """What a trained explainer gives: all classes in one pass, if not refined."""

    def __init__(self, explainer, refine_steps=0):
        # Two pictures a step; a pass with its gradient counts 1.5.
        super().__init__(1 + 3 * refine_steps, shares_passes=not refine_steps)
        self.explainer, self.refine_steps = explainer, refine_steps

    def pair_maps(self, batch, image_indices, classes):
        wanted = np.zeros((len(batch.images), self.explainer.frozen.num_classes))
        wanted[image_indices, classes] = 1
        explanation = self.explainer.explain(
            batch.images, targets=wanted, refine_steps=self.refine_steps
        )
        places = np.argmax(
            explanation.classes[image_indices] == classes[:, None], axis=1
        )
        return tuple(
            maps[image_indices, :, :, places]
            for maps in (explanation.masks, explanation.relevance)
        )


class MethodMasks(MaskSource):
    """The maps of an `AttributionMethod`."""

    def __init__(self, method, batch_size=32, **kwargs):
        super().__init__(method.classifier_passes, **kwargs)
        self.method, self.batch_size = method, batch_size

    def _masks(self, batch, image_indices, classes):
        values = self.method.start_values(ops.convert_to_tensor(batch.images))
        size = batch.images.shape[1:3]
        return self.method.finished_maps(
            values, image_indices, classes, size, self.batch_size
        )


def is_empty(masks):
    """Tells which masks (P, H, W) are constant: they explain nothing."""
    return np.ptp(masks, axis=(1, 2)) < 1e-6


def stretched(masks):
    """Returns masks (P, H, W) stretched from 0 to 1, and constant ones as zeros."""
    low = masks.min(axis=(1, 2), keepdims=True)
    spread = np.ptp(masks, axis=(1, 2), keepdims=True)
    return np.where(spread < 1e-6, 0, (masks - low) / np.maximum(spread, 1e-6))
