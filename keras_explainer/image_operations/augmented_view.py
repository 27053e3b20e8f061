"""Images that are harder to recognise: paler, in other light, and cut out in places."""

from keras import ops

from keras_explainer import backend
from keras_explainer.image_operations.resize import grid_of
from keras_explainer.image_operations.resize import resize_nearest

# Factors of colour and of contrast, and what is added, in half ranges of the values.
_SATURATION, _CONTRAST, _BRIGHTNESS = (0.0, 1.3), (0.5, 1.3), (-0.4, 0.4)
# Cells of a grid are cut out; the share of an image that they take is drawn up to this.
_CELLS, _CUTOUT = 7, 0.7


def augmented_view(images, color, span, share, step):
    """Changes the light of a share of the images and hides parts of them.

    A mask that is decoded from such a view, but judged on the image itself, has to
    find the whole object from the parts of it that are left. So an explainer learns
    to find objects which the classifier is not sure of, though it seldom meets them
    among the images that the classifier was trained on.

    Args:
        images: Tensor (N, H, W, channels).
        color: Tensor (channels,). Of what is cut out.
        span: float or tensor (N, 1, 1, 1). Half of the range of an image's values.
        share: float in [0, 1]. Share of the images that are augmented.
        step: int tensor (). On it alone the draw depends (`StepSeed.of_step`).

    Returns:
        Tensor (N, H, W, channels), no value beyond those of its image and `color`.

    Reference:
        Singh and Lee, "Hide-and-Seek: Forcing a Network to be Meticulous for
        Weakly-supervised Object and Action Localization", ICCV 2017 (cells of a grid);
        DeVries and Taylor, "Improved Regularization of Convolutional Neural Networks
        with Cutout", 2017.
    """
    count = ops.shape(images)[0]

    def draw(salt, low=0.0, high=1.0, side=1):
        shape = (count, side, side, 1)
        return backend.uniform_per_image(shape, [step, 20 + salt], low, high)

    low, high = (f(images, (1, 2, 3), keepdims=True) for f in (ops.min, ops.max))
    grey = ops.mean(images, axis=-1, keepdims=True)
    view = grey + draw(0, *_SATURATION) * (images - grey)
    mean = ops.mean(view, axis=(1, 2, 3), keepdims=True)
    view = mean + draw(1, *_CONTRAST) * (view - mean) + span * draw(2, *_BRIGHTNESS)
    view = ops.clip(view, low, high)
    cutout = ops.cast(draw(3, side=_CELLS) < draw(4, high=_CUTOUT), "float32")
    cutout = resize_nearest(cutout, grid_of(images))
    view = view + cutout * (color - view)
    return ops.where(draw(5) < share, view, images)
