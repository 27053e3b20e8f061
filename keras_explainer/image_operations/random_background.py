"""Backgrounds drawn anew for each image: its own blur, or a colour with noise."""

import tensorflow as tf
from keras import ops

from keras_explainer.image_operations.gaussian_blur import gaussian_blur
from keras_explainer.replicas import drawn_per_image

# As published for pictures of 224 pixels in a range of about -1 to 1.
_BLUR = 11 / 224
_COLOR, _NOISE = 0.33, 0.11
_BLURRED_SHARE = 0.5


def random_background(images, color, span, step):
    """Draws what replaces the removed part of each image.

    Half of the images are blurred; the others give way to a random colour around
    the mean one, with noise. What depends on one background alone then helps little.

    Args:
        images: Tensor (N, H, W, channels).
        color: Tensor (channels,). The mean colour.
        span: float or tensor (N, 1, 1, 1). Half of the range of an image's values.
        step: int tensor (). On it alone the draw depends (`StepSeed.of_step`).

    Returns:
        Tensor (N, H, W, channels).

    Reference:
        Dabkowski and Gal, "Real Time Image Saliency for Black Box Classifiers",
        NeurIPS 2017.
    """
    shape = ops.shape(images)
    count, channels = shape[0], images.shape[-1]
    uniform, normal = tf.random.stateless_uniform, tf.random.stateless_normal
    one_each = (count, 1, 1, channels)
    colors = drawn_per_image(uniform, one_each, [step, 10], -1.0, 1.0)
    noise = drawn_per_image(normal, shape, [step, 11])
    plain = color + span * (_COLOR * colors + _NOISE * noise)
    draw = drawn_per_image(uniform, (count, 1, 1, 1), [step, 12])
    return tf.where(draw < _BLURRED_SHARE, blurred_background(images), plain)


def blurred_background(images):
    """Returns images (N, H, W, channels), blurred beyond recognition."""
    side = ops.minimum(*ops.shape(images)[1:3])
    return gaussian_blur(images, _BLUR * tf.cast(side, "float32"))
