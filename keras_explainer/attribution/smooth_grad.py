"""SmoothGrad: the gradient, averaged over noisy copies of the image."""

from keras import ops

from keras_explainer import backend
from keras_explainer.attribution.base_method import AttributionMethod
from keras_explainer.check_option import check_option
from keras_explainer.drawn_seed import drawn_seed


class SmoothGrad(AttributionMethod):
    """Explains a classifier by gradients averaged over noisy copies of the image.

    The map of a class is the largest absolute value, over the channels, of the mean
    gradient of its logit.

    Args:
        classifier: Keras classifier, as for `ExplainerModel`.
        multi_label: Boolean, or "auto". As in `ExplainerModel`.
        samples: int. Noisy copies. Defaults to 50.
        noise: float in [0, 1]. Standard deviation of the Gaussian noise, as a
            share of the range of each image's values. Defaults to 0.15; with 0 and
            one sample the map is the plain gradient.
        seed: int. Seed of the noise, which is the same for every image. Defaults to
            None: drawn now, as `keras.utils.set_random_seed` has it.
        verbose: Boolean. Whether to show a progress bar.

    Example:

    >>> maps = SmoothGrad(classifier, samples=20).explain(images, targets=2)
    >>> maps.shape
    (4, 64, 64)

    Reference:
        Smilkov et al., "SmoothGrad: removing noise by adding noise", 2017.
    """

    def __init__(
        self,
        classifier,
        multi_label="auto",
        *,
        samples=50,
        noise=0.15,
        seed=None,
        verbose=False,
    ):
        check_option("samples", samples, 1, whole=True)
        check_option("noise", noise, 0, 1)
        seed = drawn_seed(seed)
        check_option("seed", seed, 0, whole=True)
        super().__init__(classifier, multi_label, verbose=verbose)
        self.samples = self.classifier_passes = samples
        self.noise, self.seed = noise, seed

    def class_maps(self, images, classes):
        images = ops.cast(images, "float32")
        axes = (1, 2, 3)
        low, high = (f(images, axes, keepdims=True) for f in (ops.min, ops.max))
        span = high - low
        total = 0.0
        for sample in self.progress(range(self.samples)):
            noise = backend.normal(images.shape[1:], (self.seed, sample))
            total = total + self.gradients(images + self.noise * span * noise, classes)
        return ops.max(ops.abs(total / self.samples), axis=-1)
