"""Extremal perturbations: the mask of a given area that keeps the class best."""

import math

import numpy as np
from keras import ops

from keras_explainer import backend
from keras_explainer.attribution.base_method import AttributionMethod
from keras_explainer.attribution.base_method import of_class
from keras_explainer.check_option import check_choice
from keras_explainer.check_option import check_option
from keras_explainer.image_operations.gaussian_blur import gaussian_blur
from keras_explainer.image_operations.resize import resize_bilinear

# Signs of the logit where the mask is shown, and where all but the mask is shown.
_VARIANTS = {"preserve": (1, 0), "delete": (0, -1), "dual": (1, -1)}
_LEARNING_RATE = 0.01
_MOMENTUM = 0.9
# Weight of the area, and its growth per step.
_AREA_WEIGHT, _AREA_GROWTH = 300.0, 1.0035
_SMOOTH_MAX = 20.0
_BLUR_LEVELS = 8


class ExtremalPerturbation(AttributionMethod):
    """Explains a classifier by extremal perturbations.

    For each area a mask is found by gradient ascent that covers that share of the
    image and keeps the logit of the class as high as possible when the rest is
    blurred. Masks are smooth by construction: a pixel's value is the smooth maximum
    of the coarse parameters around it. The map is the mask of the smallest area
    whose masked logit reaches that of the image, else of the largest area.

    The defaults are those of the authors' TorchRay, with four areas to choose from
    instead of one that is given. That no place be easier to keep, a mask's parameters
    go on reflected beyond the border of the image, and equal values share the area
    that is missing.

    Args:
        classifier: Keras classifier, as for `ExplainerModel`.
        multi_label: Boolean, or "auto". As in `ExplainerModel`.
        areas: List of float in [0, 1]. Shares of the image for which a mask is found.
            Defaults to (0.05, 0.1, 0.2, 0.3).
        variant: String. "preserve" (the mask keeps the class), "delete" (the class is
            lost where the mask is blurred) or "dual" (both).
        contrastive: Boolean. Whether the reward is the logit of the class less the
            highest other logit.
        steps: int. Steps of gradient ascent. Defaults to 800.
        spacing: int, pixels. Spacing of the mask's parameters. Defaults to 7.
        sigma: float, pixels. Width of the smooth maximum. Defaults to 21.
        blur: float, pixels. Standard deviation of the blur where a mask is 0.
            Defaults to 20.
        flip: Boolean. Whether every other step sees the image mirrored, of which the
            class should be the same.
        verbose: Boolean. Whether to show a progress bar.

    Example:

    >>> method = ExtremalPerturbation(classifier, areas=[0.1], steps=100)
    >>> method.explain(images, targets=2).shape
    (4, 64, 64)

    Reference:
        Fong et al., "Understanding Deep Networks via Extremal Perturbations and
        Smooth Masks", ICCV 2019.
    """

    empty_because = "the image has the same score however it is blurred"

    def __init__(
        self,
        classifier,
        multi_label="auto",
        *,
        areas=(0.05, 0.1, 0.2, 0.3),
        variant="preserve",
        contrastive=False,
        steps=800,
        spacing=7,
        sigma=21,
        blur=20,
        flip=True,
        verbose=False,
    ):
        check_choice("variant", variant, tuple(_VARIANTS))
        check_option("steps", steps, 1, whole=True)
        check_option("spacing", spacing, 1, whole=True)
        check_option("sigma", sigma, 1)
        check_option("blur", blur, 1)
        if not np.size(areas) or np.ndim(areas) != 1:
            raise ValueError(
                "Argument `areas` should be a list of numbers from 0 to 1. Received: "
                f"{areas!r}"
            )
        for area in areas:
            check_option("areas", area, 0, 1)
        super().__init__(classifier, multi_label, verbose=verbose)
        self.areas = np.float32(sorted(areas))
        self.variant, self.contrastive = variant, contrastive
        self.steps, self.spacing, self.sigma = steps, spacing, sigma
        self.blur, self.flip = blur, flip
        self.radius = max(1, round(2 * sigma / spacing))
        self.images_per_pass = len(areas)
        kinds = np.count_nonzero(_VARIANTS[variant])
        self.classifier_passes = len(areas) * (steps * kinds + 1) + 1

    def prepare(self, frozen):
        super().prepare(frozen)
        self._ascend = self.compiled(self._ascended)
        self._select = self.compiled(self._selected)

    def class_maps(self, images, classes):
        images = ops.cast(images, "float32")
        levels = self.blur_pyramid(images)
        grid = [math.ceil(size / self.spacing) for size in images.shape[1:3]]
        coarse = ops.ones((images.shape[0], len(self.areas), *grid))
        velocity = ops.zeros_like(coarse)
        for step in self.progress(range(self.steps)):
            weight = ops.convert_to_tensor(_AREA_WEIGHT * _AREA_GROWTH**step, "float32")
            mirror = ops.convert_to_tensor(self.flip and step % 2 == 0, "bool")
            coarse, velocity = self._ascend(
                levels, classes, coarse, velocity, weight, mirror
            )
        return self._select(levels, classes, coarse)

    def blur_pyramid(self, images):
        """Copies (P, levels, H, W, channels), from the most blurred to the image."""
        sigmas = np.linspace(self.blur, 0, _BLUR_LEVELS)
        return ops.stack([gaussian_blur(images, sigma) for sigma in sigmas], axis=1)

    def smooth_masks(self, coarse, size):
        """Turns parameters (P, areas, h, w) into masks (P, areas, H, W).

        Beyond the border they go on reflected: parameters there, which fewer pixels
        pull down, would leave the border shown.
        """
        pairs, areas, height, width = ops.shape(coarse)
        place = (
            ops.arange(-self.radius, self.radius + 1, dtype="float32") * self.spacing
        )
        distance = ops.sqrt(place[:, None] ** 2 + place**2) / self.sigma
        # 1 up to half a sigma, and a Gaussian beyond.
        kernel = ops.exp(-2 * ops.relu(distance - 0.5) ** 2)
        cells = ops.reshape(coarse, (-1, height, width, 1))
        for axis, length in ((1, height), (2, width)):
            reflected = ops.arange(
                -self.radius, length + self.radius, dtype="int32"
            ) % (2 * length)
            reflected = ops.minimum(reflected, 2 * length - 1 - reflected)
            cells = ops.take(cells, reflected, axis=axis)
        around = ops.image.extract_patches(
            cells, tuple(kernel.shape), 1, padding="valid"
        )
        around = around * ops.reshape(kernel, (-1,))
        weights = ops.softmax(_SMOOTH_MAX * around)
        masks = ops.sum(weights * around, axis=-1, keepdims=True)
        masks = resize_bilinear(masks, size)
        return ops.reshape(masks, (pairs, areas, *size))

    def _perturbed(self, levels, masks):
        """Images (P * areas, H, W, channels), blurred where the masks are 0."""
        level = masks[:, :, None] * (_BLUR_LEVELS - 1)
        numbers = ops.arange(_BLUR_LEVELS, dtype="float32")[:, None, None]
        shares = ops.relu(1 - ops.abs(level - numbers))
        images = ops.einsum("palhw,plhwc->pahwc", shares, levels)
        return ops.reshape(images, (-1, *ops.shape(images)[2:]))

    def _rewards(self, images, classes):
        """The logit (P * areas,) of each pair's class, for its areas in turn."""
        logits = self._logits(images)
        classes = ops.repeat(classes, len(self.areas))
        reward = of_class(logits, classes)
        if self.contrastive:
            own = ops.one_hot(classes, self.frozen.num_classes)
            reward = reward - ops.max(logits - 1e9 * own, axis=1)
        return reward

    def _area_penalty(self, masks):
        """Squared distance of each mask's sorted values from a mask of its area.

        Equal values share what the ideal mask has for them: by their order in the
        image an even mask would be drawn to its last rows.
        """
        values = ops.reshape(masks, (*ops.shape(masks)[:2], -1))
        count = ops.cast(ops.shape(values)[-1], "float32")
        areas = ops.convert_to_tensor(self.areas)
        inside = ops.maximum(ops.round(areas * count), 1.0)
        ranked = -ops.sort(-ops.stop_gradient(values))
        last = ops.one_hot(ops.cast(inside, "int32") - 1, ops.shape(values)[-1])
        threshold = ops.sum(ranked * last, axis=-1, keepdims=True)
        above = ops.cast(values > threshold, "float32")
        equal = ops.cast(values == threshold, "float32")
        left = inside[:, None] - ops.sum(above, axis=-1, keepdims=True)
        ideal = above + equal * left / ops.sum(equal, axis=-1, keepdims=True)
        return ops.mean((values - ideal) ** 2, axis=-1)

    def _ascended(self, levels, classes, coarse, velocity, weight, mirror):
        def goal(coarse):
            masks = self.smooth_masks(coarse, ops.shape(levels)[2:4])
            reward = 0.0
            for shown, sign in zip((masks, 1.0 - masks), _VARIANTS[self.variant]):
                if sign:
                    images = self._perturbed(levels, shown)
                    images = ops.where(mirror, ops.flip(images, 2), images)
                    rewards = ops.sum(self._rewards(images, classes))
                    reward = reward + sign * rewards
            return reward - weight * ops.sum(self._area_penalty(masks)), None

        # Momentum as a running mean of the gradients.
        gradient = backend.value_and_slope(goal, coarse)[2]
        velocity = _MOMENTUM * velocity + (1 - _MOMENTUM) * gradient
        return ops.clip(coarse + _LEARNING_RATE * velocity, 0, 1), velocity

    def _selected(self, levels, classes, coarse):
        masks = self.smooth_masks(coarse, ops.shape(levels)[2:4])
        kept = self._logits(self._perturbed(levels, masks))
        kept = ops.reshape(kept, (-1, len(self.areas), self.frozen.num_classes))
        places = classes[:, None, None]
        kept = ops.take_along_axis(kept, places, axis=2)[..., 0]
        whole = of_class(self._logits(levels[:, -1]), classes)
        # The last area counts as reached.
        enough = kept[:, :-1] >= whole[:, None]
        reached = [enough, ops.ones_like(kept[:, -1:], "bool")]
        reached = ops.cast(ops.concatenate(reached, axis=1), "int32")
        first = ops.cast(ops.argmax(reached, axis=1), "int32")
        return ops.take_along_axis(masks, first[:, None, None, None], axis=1)[:, 0]
