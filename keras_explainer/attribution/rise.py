"""RISE: the mean of random masks, weighted by the score of the masked image."""

import numpy as np
from keras import ops

from keras_explainer import backend
from keras_explainer.attribution.base_method import AttributionMethod
from keras_explainer.attribution.baseline import Baseline
from keras_explainer.check_option import check_choice
from keras_explainer.check_option import check_option
from keras_explainer.drawn_seed import drawn_seed


class RISE(AttributionMethod):
    """Explains a classifier, as a black box, by RISE.

    Random grids of 0 and 1 are enlarged bilinearly to masks, each shifted by a
    random part of a cell. The map of a class is the sum of the masks, weighted by
    the score that the class gets on the masked image, stretched from 0 to 1. All
    classes of an image share the same passes. The defaults are those of the paper for
    ResNet50 (4000 masks for VGG16); unlike there, maps are stretched, and pixels are
    replaced by the mean colour where 0 is another one.

    Args:
        classifier: Keras classifier, as for `ExplainerModel`.
        multi_label: Boolean, or "auto". As in `ExplainerModel`.
        num_masks: int. Masks per image. Defaults to 8000.
        cells: int. Cells per side of the random grid. Defaults to 7.
        keep: float in [0.01, 0.99]. Probability that a cell is kept. Defaults to 0.5.
        border: String. What a shift moves into the image. "stretch": the grid is
            enlarged to one cell more than the image, as in the paper; "reflect": the
            grid covers the image and is mirrored at its end.
        score: String. "probability" (softmax or sigmoid, as the classifier's own) or
            "sigmoid" of the logits.
        background: What replaces masked-out pixels: "mean" (the mean colour of
            ImageNet if the classifier's preprocessing is recognised, else that of
            the image), "strong_blur" (a Gaussian of a tenth of the shorter side), a
            number, or one number per channel.
        seed: int. Seed of the masks, which are the same for every image. Defaults to
            None: drawn now, as `keras.utils.set_random_seed` has it.
        verbose: Boolean. Whether to show a progress bar.

    Example:

    >>> maps = RISE(classifier, num_masks=500).explain(images, targets=2)
    >>> maps.shape
    (4, 64, 64)

    Reference:
        Petsiuk et al., "RISE: Randomized Input Sampling for Explanation of
        Black-box Models", BMVC 2018.
    """

    differentiates_images = False
    empty_because = "the score of the class does not depend on what is masked"

    def __init__(
        self,
        classifier,
        multi_label="auto",
        *,
        num_masks=8000,
        cells=7,
        keep=0.5,
        border="stretch",
        score="probability",
        background="mean",
        seed=None,
        verbose=False,
    ):
        check_option("num_masks", num_masks, 1, whole=True)
        check_option("cells", cells, 2, whole=True)
        check_option("keep", keep, 0.01, 0.99)
        seed = drawn_seed(seed)
        check_option("seed", seed, 0, whole=True)
        check_choice("border", border, ("stretch", "reflect"))
        check_choice("score", score, ("probability", "sigmoid"))
        self.num_masks = self.classifier_passes = num_masks
        self.cells, self.keep, self.border, self.score = cells, keep, border, score
        self.seed, self.background = seed, background
        super().__init__(classifier, multi_label, verbose=verbose)

    def prepare(self, frozen):
        super().prepare(frozen)
        self.baseline = Baseline(self.background, self.preprocessing, frozen)
        self._add_masks = self.compiled(self._with_masks)

    @classmethod
    def original(cls, classifier, multi_label="auto", **options):
        """RISE as in the authors' notebook: 6000 masks of 8 x 8, a tenth kept."""
        settings = {"num_masks": 6000, "cells": 8, "keep": 0.1, **options}
        return cls(classifier, multi_label, **settings)

    @classmethod
    def torchray(cls, classifier, multi_label="auto", **options):
        """RISE as in TorchRay: mirrored borders, and the sigmoid of the logits."""
        settings = {"border": "reflect", "score": "sigmoid", **options}
        return cls(classifier, multi_label, **settings)

    def pair_maps(self, images, image_indices, classes, batch_size):
        images = ops.cast(images, "float32")
        cells, shifts = self.grids()
        maps = [None] * len(image_indices)
        for index in range(images.shape[0]):
            pairs = np.flatnonzero(image_indices == index)
            if not len(pairs):
                continue
            image = images[index : index + 1]
            chosen = ops.convert_to_tensor(classes[pairs], "int32")
            total = ops.zeros((len(pairs), *images.shape[1:3]))
            all_scores = []
            with self.frozen.other_inputs.given_rows([index]):
                for start in self.progress(range(0, self.num_masks, batch_size)):
                    part = slice(start, start + batch_size)
                    total, scores = self._add_masks(
                        total,
                        image,
                        self.baseline(image),
                        cells[part],
                        shifts[part],
                        chosen,
                    )
                    all_scores.append(scores)
            # Where no mask makes a difference, the sum shows nothing but the masks.
            spread = ops.std(ops.concatenate(all_scores, 0), axis=0)
            total = total * ops.cast(spread > 1e-7, "float32")[:, None, None]
            for pair, sum_of_masks in zip(pairs, total):
                maps[pair] = sum_of_masks / (self.num_masks * self.keep)
        return ops.stack(maps)

    def scaled(self, maps):
        return super().scaled(maps - ops.min(maps, (1, 2), keepdims=True))

    def grids(self):
        """Draws the grids of all masks (M, cells, cells) and their shifts (M, 2)."""
        shape = (self.num_masks, self.cells, self.cells)
        kept = backend.uniform(shape, (self.seed, 0)) < self.keep
        shifts = backend.uniform((self.num_masks, 2), (self.seed, 1))
        return ops.cast(kept, "float32"), shifts

    def masks(self, cells, shifts, height, width):
        """Enlarges grids (B, cells, cells) to masks (B, height, width)."""
        rows = self._interpolation(shifts[:, 0], height)
        columns = self._interpolation(shifts[:, 1], width)
        columns = ops.transpose(columns, (0, 2, 1))
        return ops.matmul(ops.matmul(rows, cells), columns)

    def _interpolation(self, shifts, size):
        """The weights (B, size, cells) of bilinear enlarging along one axis."""
        pixels = ops.arange(size, dtype="float32") + 0.5
        place = pixels / ops.cast(size, "float32") * self.cells + shifts[:, None]
        if self.border == "stretch":
            place = place * (self.cells / (self.cells + 1))
        else:
            place = self.cells - ops.abs(self.cells - place)
        place = ops.clip(place - 0.5, 0, self.cells - 1)
        nodes = ops.arange(self.cells, dtype="float32")
        return ops.relu(1 - ops.abs(place[..., None] - nodes))

    def _with_masks(self, total, image, baseline, cells, shifts, classes):
        masks = self.masks(cells, shifts, *ops.shape(image)[1:3])
        masked = baseline + masks[..., None] * (image - baseline)
        logits = self._logits(masked)
        if self.score == "sigmoid":
            scores = ops.sigmoid(logits)
        else:
            scores = self.frozen.probabilities(logits)
        scores = ops.take(scores, classes, axis=1)
        return total + ops.einsum("bp,bhw->phw", scores, masks), scores
