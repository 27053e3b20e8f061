"""iGOS++: masks found by integrated gradients of deletion and insertion."""

from keras import ops

from keras_explainer import backend
from keras_explainer.attribution.base_method import AttributionMethod
from keras_explainer.attribution.base_method import of_class
from keras_explainer.check_option import check_option
from keras_explainer.drawn_seed import drawn_seed
from keras_explainer.image_operations.gaussian_blur import gaussian_blur
from keras_explainer.image_operations.resize import resize_bilinear

# Weights of the size and of the smoothness, and the squared contrast in the image, in
# its variances, across which masks need not be smooth. Neighbouring cells of
# photographs differ by some 0.04: at 0.01, masks would be smooth next to nowhere.
_SIZE_WEIGHT, _SMOOTHNESS_WEIGHT, _EDGE = 1.0, 20.0, 1.0
# Backtracking line search: first step, its decay, trials, and the gain demanded.
_FIRST_STEP, _DECAY, _TRIALS, _GAIN = 1000.0, 0.2, 8, 1e-4
_BLUR_SIGMA, _BLUR_RADIUS = 50.0, 25


class IGOSPlusPlus(AttributionMethod):
    """Explains a classifier by iGOS++.

    Two coarse masks are found by descent along integrated gradients: where the
    first is 0 the image is blurred and the class shall be lost; where the second is
    0 the image is shown in a blurred one and the class shall appear. Their product
    shall do both, be small, and be smooth except across edges of the image. The map
    is 1 less the product.

    The defaults are the authors', but for one: an edge of the image is a contrast of
    one of its standard deviations between cells. At a tenth of that, nearly all of a
    photograph is edges, and masks fall into single cells.

    Args:
        classifier: Keras classifier, as for `ExplainerModel`.
        multi_label: Boolean, or "auto". As in `ExplainerModel`.
        size: int. Cells per side of the masks. Defaults to 28.
        iterations: int. Steps of descent. Defaults to 20.
        steps: int. Gradients along each line from a mask to 0. Defaults to 15.
        noise: float. Standard deviation of the noise added to masked images, in
            standard deviations of the image. Defaults to 0.2.
        seed: int. Seed of the noise, which is the same for every image. Defaults to
            None: drawn now, as `keras.utils.set_random_seed` has it.
        verbose: Boolean. Whether to show a progress bar.

    Example:

    >>> maps = IGOSPlusPlus(classifier, iterations=5).explain(images, targets=2)
    >>> maps.shape
    (4, 64, 64)

    Reference:
        Khorram et al., "iGOS++: Integrated Gradient Optimized Saliency by Bilateral
        Perturbations", CHIL 2021.
    """

    images_per_pass = 4
    empty_because = "blurring hardly changes the probability of the class"

    def __init__(
        self,
        classifier,
        multi_label="auto",
        *,
        size=28,
        iterations=20,
        steps=15,
        noise=0.2,
        seed=None,
        verbose=False,
    ):
        check_option("size", size, 2, whole=True)
        check_option("iterations", iterations, 1, whole=True)
        check_option("steps", steps, 1, whole=True)
        check_option("noise", noise, 0)
        seed = drawn_seed(seed)
        check_option("seed", seed, 0, whole=True)
        super().__init__(classifier, multi_label, verbose=verbose)
        self.size, self.iterations, self.steps = size, iterations, steps
        self.noise, self.seed = noise, seed
        # At most: four masked images per gradient and per trial of the line search.
        self.classifier_passes = iterations * 4 * (steps + _TRIALS + 1)

    def prepare(self, frozen):
        super().prepare(frozen)
        self._descend = self.compiled(self._descended)

    def class_maps(self, images, classes):
        images = ops.cast(images, "float32")
        blurred = gaussian_blur(images, _BLUR_SIGMA, _BLUR_RADIUS)
        # (deletion and insertion, pairs, size, size)
        masks = ops.ones((2, images.shape[0], self.size, self.size))
        for iteration in self.progress(range(self.iterations)):
            masks = self._descend(
                images, blurred, classes, masks, ops.convert_to_tensor(iteration)
            )
        return 1 - masks[0] * masks[1]

    def _descended(self, images, blurred, classes, masks, iteration):
        deviation, shape = _deviation(images), ops.shape(images)[1:]

        def add_slope(step, total):
            share = ops.cast(step, "float32") / self.steps
            seed = [self.seed, iteration * self.steps + step]
            noise = self.noise * deviation * backend.normal(shape, seed)

            def score(masks):
                scores = self._scores(images, blurred, classes, masks, share, noise)
                return scores, None

            return total + backend.value_and_slope(score, masks)[2]

        def penalty(masks):
            return self._penalties(images, masks), None

        total = ops.fori_loop(1, self.steps + 1, add_slope, ops.zeros_like(masks))
        gradient = total / self.steps + backend.value_and_slope(penalty, masks)[2]

        def losses(masks):
            scores = self._scores(images, blurred, classes, masks, 1.0, 0.0)
            return scores + self._penalties(images, masks)

        before = losses(masks)
        slope = ops.sum(gradient**2, (0, 2, 3))

        def is_searching(trial, length, accepted, found):
            return (trial < _TRIALS) & ops.logical_not(ops.all(accepted))

        def search(trial, length, accepted, found):
            tried = ops.clip(masks - length[:, None, None] * gradient, 0, 1)
            enough = losses(tried) <= before - _GAIN * length * slope
            first = ops.logical_and(enough, ops.logical_not(accepted))
            found = ops.where(first[:, None, None], tried, found)
            return trial + 1, length * _DECAY, ops.logical_or(accepted, enough), found

        start = (
            ops.zeros((), "int32"),
            ops.ones_like(before) * _FIRST_STEP,
            ops.zeros_like(before, "bool"),
            masks,
        )
        return ops.while_loop(is_searching, search, start)[3]

    def _scores(self, images, blurred, classes, masks, share, noise):
        """What deletion leaves of each class, less what insertion brings: (P,)."""
        deletion, insertion = masks[0], masks[1]
        product = deletion * insertion
        shown = [share * deletion, 1 - share * insertion]
        shown = ops.stack([*shown, share * product, 1 - share * product])
        size = ops.shape(images)[1:3]
        shown = ops.reshape(shown, (-1, self.size, self.size, 1))
        shown = resize_bilinear(shown, size)
        shown = ops.reshape(shown, (4, -1, *size, 1))
        masked = blurred + shown * (images - blurred) + noise
        rows = ops.tile(ops.arange(ops.shape(images)[0], dtype="int32"), [4])
        masked = ops.reshape(masked, (-1, *ops.shape(images)[1:]))
        logits = self._logits(masked, rows)
        scores = self.frozen.probabilities(logits)
        scores = of_class(scores, ops.tile(classes, [4]))
        scores = ops.reshape(scores, (4, -1))
        return scores[0] - scores[1] + scores[2] - scores[3]

    def _penalties(self, images, masks):
        """Size and smoothness (P,) of the product of the two masks."""
        product = masks[0] * masks[1]
        small = resize_bilinear(images / _deviation(images), [self.size] * 2)
        smoothness = 0.0
        for axis in (1, 2):
            contrast = ops.mean(_steps(small, axis) ** 2, axis=-1)
            weight = ops.exp(-contrast / _EDGE)
            smoothness = smoothness + ops.mean(
                weight * _steps(product, axis) ** 2, (1, 2)
            )
        size = ops.mean(1 - product, axis=(1, 2))
        return _SIZE_WEIGHT * size + _SMOOTHNESS_WEIGHT * smoothness


def _deviation(images):
    """The standard deviation of each image; 1 for images of a single colour."""
    deviation = ops.std(images, (1, 2, 3), keepdims=True)
    return ops.where(deviation > 0, deviation, 1.0)


def _steps(values, axis):
    """Differences of neighbours along an axis."""
    if axis == 1:
        return values[:, 1:] - values[:, :-1]
    return values[:, :, 1:] - values[:, :, :-1]
