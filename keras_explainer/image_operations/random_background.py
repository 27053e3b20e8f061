"""Backgrounds drawn anew for each image: its own blur, or a colour with noise."""

from keras import ops

from keras_explainer import backend
from keras_explainer.image_operations.gaussian_blur import gaussian_blur

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
    one_each = (count, 1, 1, channels)
    colors = backend.uniform_per_image(one_each, [step, 10], -1.0, 1.0)
    noise = backend.normal_per_image(shape, [step, 11])
    plain = color + span * (_COLOR * colors + _NOISE * noise)
    draw = backend.uniform_per_image((count, 1, 1, 1), [step, 12])
    return ops.where(draw < _BLURRED_SHARE, blurred_background(images), plain)


def blurred_background(images):
    """Returns images (N, H, W, channels), blurred beyond recognition."""
    side = ops.minimum(*ops.shape(images)[1:3])
    return gaussian_blur(images, _BLUR * ops.cast(side, "float32"))
