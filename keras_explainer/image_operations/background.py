"""What replaces a masked-out pixel."""

import keras
import numpy as np
from keras import ops

from keras_explainer.image_operations.resize import resize_bilinear
from keras_explainer.value_of_variable import value_of_variable


@keras.saving.register_keras_serializable(package="keras_explainer")
class Background(keras.layers.Layer):
    """Mixes images with a background colour, pixel by pixel.

    Args:
        color: "mean" (the mean colour in the classifier's own input space), a
            number, or one number per channel.
        channels: int. Channels of the images.
        known_mean: The mean colour if it is known, or None: then it is measured
            on the first data that the explainer is fitted on.
    """

    def __init__(self, color, channels, known_mean=None, **kwargs):
        super().__init__(**{"dtype": "float32", **kwargs}, autocast=False)
        self.to_measure = isinstance(color, str) and known_mean is None
        self.was_measured = False
        if isinstance(color, str):
            if color != "mean":
                raise ValueError(_expected(channels, color))
            color = np.zeros(channels) if known_mean is None else known_mean
        try:
            values = np.broadcast_to(np.asarray(color, "float32"), (channels,))
        except (TypeError, ValueError):
            raise ValueError(_expected(channels, color)) from None
        # None becomes one that is no number.
        if isinstance(color, bool) or not np.isfinite(values).all():
            raise ValueError(_expected(channels, color))
        self.color = self.add_weight(
            name="color", shape=(channels,), initializer="zeros", trainable=False
        )
        self.color.assign(values)
        self.built = True

    def measure(self, images):
        """Takes the mean colour of images (N, H, W, channels) as the background."""
        self.color.assign(np.mean(np.asarray(images, "float32"), axis=(0, 1, 2)))
        self.to_measure, self.was_measured = False, True

    def call(self, images, mask, fill=None):
        """Returns the images where the mask is 1, and the background where it is 0.

        Args:
            images: Tensor (N, H, W, channels).
            mask: Tensor (N, h, w) in [0, 1], resized to the images.
            fill: Tensor (N, H, W, channels) to take instead of the background's
                colour, or None.
        """
        mask = resize_bilinear(mask[..., None], ops.shape(images)[1:3])
        fill = self.color if fill is None else fill
        return fill + mask * (images - fill)

    def get_config(self):
        color = value_of_variable(self.color).tolist()
        channels = len(color)
        color = "mean" if self.to_measure else color
        return {**super().get_config(), "color": color, "channels": channels}


def _expected(channels, received):
    return (
        'Argument `background` should be "mean", a number, or one number for each of '
        f"the {channels} channels. Received: {received!r}"
    )
