"""Extremal perturbations: the mask of a given area that keeps the class best."""

import math

import numpy as np
import tensorflow as tf
from keras import ops

from keras_explainer.attribution.base_method import AttributionMethod
from keras_explainer.attribution.base_method import check_choice
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
        self.areas = tf.constant(sorted(areas), "float32")
        self.variant, self.contrastive = variant, contrastive
        self.steps, self.spacing, self.sigma = steps, spacing, sigma
        self.blur, self.flip = blur, flip
        self.radius = max(1, round(2 * sigma / spacing))
        self.images_per_pass = len(areas)
        kinds = np.count_nonzero(_VARIANTS[variant])
        self.classifier_passes = len(areas) * (steps * kinds + 1) + 1
        self._ascend = self.compiled(self._ascend_eagerly)
        self._select = self.compiled(self._select_eagerly)

    def class_maps(self, images, classes):
        images = tf.cast(images, "float32")
        levels = self.blur_pyramid(images)
        grid = [math.ceil(size / self.spacing) for size in images.shape[1:3]]
        coarse = tf.ones((images.shape[0], len(self.areas), *grid))
        velocity = tf.zeros_like(coarse)
        for step in self.progress(range(self.steps)):
            weight = tf.constant(_AREA_WEIGHT * _AREA_GROWTH**step)
            mirror = tf.constant(self.flip and step % 2 == 0)
            coarse, velocity = self._ascend(
                levels, classes, coarse, velocity, weight, mirror
            )
        return self._select(levels, classes, coarse)

    def blur_pyramid(self, images):
        """Copies (P, levels, H, W, channels), from the most blurred to the image."""
        sigmas = np.linspace(self.blur, 0, _BLUR_LEVELS)
        return tf.stack([gaussian_blur(images, sigma) for sigma in sigmas], axis=1)

    def smooth_masks(self, coarse, size):
        """Turns parameters (P, areas, h, w) into masks (P, areas, H, W).

        Beyond the border they go on reflected: parameters there, which fewer pixels
        pull down, would leave the border shown.
        """
        pairs, areas, height, width = tf.unstack(tf.shape(coarse))
        place = tf.range(-self.radius, self.radius + 1, dtype="float32") * self.spacing
        distance = tf.sqrt(place[:, None] ** 2 + place**2) / self.sigma
        # 1 up to half a sigma, and a Gaussian beyond.
        kernel = tf.exp(-2 * tf.nn.relu(distance - 0.5) ** 2)
        window, ones = (1, *kernel.shape, 1), (1, 1, 1, 1)
        cells = tf.reshape(coarse, (-1, height, width, 1))
        for axis, length in ((1, height), (2, width)):
            reflected = tf.range(-self.radius, length + self.radius) % (2 * length)
            reflected = tf.minimum(reflected, 2 * length - 1 - reflected)
            cells = tf.gather(cells, reflected, axis=axis)
        around = tf.image.extract_patches(cells, window, ones, ones, "VALID")
        around *= tf.reshape(kernel, (-1,))
        weights = tf.nn.softmax(_SMOOTH_MAX * around)
        masks = tf.reduce_sum(weights * around, axis=-1, keepdims=True)
        masks = resize_bilinear(masks, size)
        return tf.reshape(masks, (pairs, areas, *size))

    def _perturbed(self, levels, masks):
        """Images (P * areas, H, W, channels), blurred where the masks are 0."""
        level = masks[:, :, None] * (_BLUR_LEVELS - 1)
        numbers = tf.range(_BLUR_LEVELS, dtype="float32")[:, None, None]
        shares = tf.nn.relu(1 - tf.abs(level - numbers))
        images = tf.einsum("palhw,plhwc->pahwc", shares, levels)
        return tf.reshape(images, (-1, *ops.shape(images)[2:]))

    def _rewards(self, images, classes):
        """The logit (P * areas,) of each pair's class, for its areas in turn."""
        logits = self._logits(images)
        classes = tf.repeat(classes, len(self.areas))
        reward = tf.gather(logits, classes, batch_dims=1)
        if self.contrastive:
            own = tf.one_hot(classes, self.frozen.num_classes)
            reward -= tf.reduce_max(logits - 1e9 * own, axis=1)
        return reward

    def _area_penalty(self, masks):
        """Squared distance of each mask's sorted values from a mask of its area.

        Equal values share what the ideal mask has for them: by their order in the
        image an even mask would be drawn to its last rows.
        """
        values = tf.reshape(masks, (*ops.shape(masks)[:2], -1))
        count = tf.cast(tf.shape(values)[-1], "float32")
        inside = tf.maximum(tf.round(self.areas * count), 1.0)
        ranked = tf.sort(tf.stop_gradient(values), direction="DESCENDING")
        last = tf.one_hot(tf.cast(inside, "int32") - 1, tf.shape(values)[-1])
        threshold = tf.reduce_sum(ranked * last, axis=-1, keepdims=True)
        above = tf.cast(values > threshold, "float32")
        equal = tf.cast(values == threshold, "float32")
        left = inside[:, None] - tf.reduce_sum(above, axis=-1, keepdims=True)
        ideal = above + equal * left / tf.reduce_sum(equal, axis=-1, keepdims=True)
        return tf.reduce_mean((values - ideal) ** 2, axis=-1)

    def _ascend_eagerly(self, levels, classes, coarse, velocity, weight, mirror):
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(coarse)
            masks = self.smooth_masks(coarse, ops.shape(levels)[2:4])
            reward = 0.0
            for shown, sign in zip((masks, 1.0 - masks), _VARIANTS[self.variant]):
                if sign:
                    images = self._perturbed(levels, shown)
                    images = tf.where(mirror, images[:, :, ::-1], images)
                    reward += sign * tf.reduce_sum(self._rewards(images, classes))
            goal = reward - weight * tf.reduce_sum(self._area_penalty(masks))
        # Momentum as a running mean of the gradients.
        gradient = tape.gradient(goal, coarse)
        velocity = _MOMENTUM * velocity + (1 - _MOMENTUM) * gradient
        return tf.clip_by_value(coarse + _LEARNING_RATE * velocity, 0, 1), velocity

    def _select_eagerly(self, levels, classes, coarse):
        masks = self.smooth_masks(coarse, ops.shape(levels)[2:4])
        kept = self._logits(self._perturbed(levels, masks))
        kept = tf.reshape(kept, (-1, len(self.areas), self.frozen.num_classes))
        kept = tf.gather(kept, classes, axis=2, batch_dims=1)
        whole = tf.gather(self._logits(levels[:, -1]), classes, batch_dims=1)
        # The last area counts as reached.
        reached = tf.concat(
            [kept[:, :-1] >= whole[:, None], tf.ones_like(kept[:, -1:], bool)], axis=1
        )
        return tf.gather(masks, tf.argmax(reached, axis=1), batch_dims=1)
