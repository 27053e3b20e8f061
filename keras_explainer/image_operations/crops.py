"""Crops: images seen through a window, enlarged to the size of the whole."""

from keras import ops

from keras_explainer import backend
from keras_explainer.image_operations.composites import samples
from keras_explainer.image_operations.resize import grid_of

# The least area of a window, in areas of the image: of less, few classes are seen.
_LEAST = 0.2
# How far the sides of a window may be longer or shorter than those of one that has
# the image's own ratio.
_STRETCH = 0.2


def crops(images, may_be, share, step):
    """Replaces a share of the images by what is seen of them through a window.

    So a mask learns large objects and their parts, as it learns small ones from
    composites.

    Args:
        images: Tensor (N, H, W, channels).
        may_be: Boolean tensor (N,). Whether an image may be replaced.
        share: float in [0, 1]. The chance of these to be replaced.
        step: int tensor (). On it alone the draw depends (`StepSeed.of_step`).

    Returns:
        Tuple of the images (N, H, W, channels), and of the area (N,) that the whole of
        each would take, in areas of the picture: 1 of images that stay as they are,
        and more of those that are seen through a window.

    Reference:
        Szegedy et al., "Going Deeper with Convolutions", CVPR 2015 (training on crops
        of many sizes).
    """
    count = ops.shape(images)[0]

    def draw(salt, width, low=0.0, high=1.0):
        return backend.uniform_per_image((count, width), [step, 60 + salt], low, high)

    area = draw(0, 1, _LEAST, 1.0)
    stretch = ops.exp(draw(1, 2, -_STRETCH, _STRETCH))
    sides = ops.minimum(ops.sqrt(area) * stretch, 1.0)
    starts = draw(2, 2) * (1.0 - sides)
    is_drawn = may_be & (draw(3, 1)[:, 0] < share)
    rows, columns = (
        _window(length, starts[:, axis], sides[:, axis])
        for axis, length in enumerate(grid_of(images))
    )
    windows = ops.einsum("nyh,nhwc->nywc", rows, images)
    windows = ops.einsum("nxw,nywc->nyxc", columns, windows)
    images = ops.where(is_drawn[:, None, None, None], windows, images)
    return images, ops.where(is_drawn, 1.0 / ops.prod(sides, axis=1), 1.0)


def _window(length, start, side):
    """Returns the weights (n, length, length) that enlarge what a window (n,) shows."""
    pixels = ops.cast(length, "float32")
    whole = ops.stack([ops.zeros_like(start), ops.ones_like(start)], axis=1) * pixels
    return samples(length, whole, side * pixels, (start + side / 2) * pixels)
