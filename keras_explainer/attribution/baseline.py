"""The image without information that a method compares with."""

from keras import ops

from keras_explainer.image_operations.background import Background
from keras_explainer.image_operations.gaussian_blur import gaussian_blur

# Standard deviation of "strong_blur", as a share of the shorter side: it leaves no more
# than light and dark places. The "blur" of metrics, of 5 pixels, would leave objects.
_STRONG_BLUR = 0.1


class Baseline:
    """Replaces images by a plain colour or by a blurred copy.

    Args:
        background: "mean" (the mean colour of ImageNet if the preprocessing is
            known, else that of each image), "strong_blur" (a Gaussian of a tenth of
            the shorter side), a number, or one number per channel, in the
            classifier's input space.
        preprocessing: `Preprocessing` of the classifier.
        frozen: `FrozenClassifier`.

    Raises:
        ValueError: If `background` is none of these.
    """

    def __init__(self, background, preprocessing, frozen):
        if isinstance(background, str) and background not in ("mean", "strong_blur"):
            raise ValueError(
                'Argument `background` should be "mean", "strong_blur", a number, or '
                f"one number per channel. Received: {background!r}"
            )
        self.blurs = isinstance(background, str) and background == "strong_blur"
        if not self.blurs:
            self.background = Background(
                background, frozen.image_shape[-1], preprocessing.background
            )

    def __call__(self, images):
        """Returns what replaces images (N, H, W, channels), broadcastable to them."""
        if self.blurs:
            return gaussian_blur(images, _STRONG_BLUR * min(images.shape[1:3]))
        if self.background.to_measure:
            return ops.mean(images, axis=(1, 2), keepdims=True)
        return ops.reshape(self.background.color.value, (1, 1, 1, -1))
