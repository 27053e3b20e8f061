"""The image without information that a method compares with."""

import tensorflow as tf

from keras_explainer.image_operations.background import Background
from keras_explainer.image_operations.gaussian_blur import gaussian_blur

# Standard deviation of the "blur" baseline, as a share of the shorter side.
_BLUR = 0.1


class Baseline:
    """Replaces images by a plain colour or by a blurred copy.

    Args:
        background: "mean" (the mean colour of ImageNet if the preprocessing is
            known, else that of each image), "blur", a number, or one number per
            channel, in the classifier's input space.
        preprocessing: The classifier's `Preprocessing`.
        frozen: The `FrozenClassifier`.

    Raises:
        ValueError: If `background` is none of these.
    """

    def __init__(self, background, preprocessing, frozen):
        self.blurs = isinstance(background, str) and background == "blur"
        if not self.blurs:
            self.background = Background(
                background, frozen.image_shape[-1], preprocessing.background
            )

    def __call__(self, images):
        """Returns what replaces images (N, H, W, channels), broadcastable to them."""
        if self.blurs:
            return gaussian_blur(images, _BLUR * min(images.shape[1:3]))
        if self.background.to_measure:
            return tf.reduce_mean(images, axis=(1, 2), keepdims=True)
        return tf.reshape(self.background.color.value, (1, 1, 1, -1))
