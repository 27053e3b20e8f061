"""Inpainting: filling what was removed from images with the colours around it."""

from keras import ops

from keras_explainer.image_operations.resize import grid_of
from keras_explainer.image_operations.resize import resize_area
from keras_explainer.image_operations.resize import resize_bilinear

# A cell beside the hole often holds a rim of what was removed: its colour would
# flow back into the hole.
_RIM = 1  # cells
# How much known colour a cell needs for its own to weigh as much as a coarser one's.
_TRUST = 0.05
_NOTHING = 1e-4
_LEVELS = 6  # grids, each half as fine: 64 cells and more come down to one


def inpainted(images, keep, color=0.0):
    """Fills the rest of images with the colours of the part that is kept.

    Colours are averaged, weighted by the mask, on ever coarser grids; from the
    coarsest on, a cell that holds little of the kept part takes the colour of the
    coarser cell (push-pull). Far from anything kept the result is the mean of the
    image's kept part.

    A hole that is filled so has no outline of its own. One filled with a single
    colour keeps the silhouette of what was removed, from which a classifier may
    still recognise it.

    Args:
        images: Tensor (N, H, W, channels).
        keep: Tensor (N, h, w) in [0, 1], 1 where images are kept; its grid is the
            finest one.
        color: float, or tensor (channels,). The result where nothing at all is kept.

    Returns:
        Tensor (N, H, W, channels), smooth.

    Reference:
        Gortler et al., "The Lumigraph", SIGGRAPH 1996 (push-pull).
    """
    window = 2 * _RIM + 1
    known = 1.0 - ops.max_pool(1.0 - keep[..., None], window, 1, padding="same")
    cells = resize_area(images, grid_of(known))
    levels = [(cells * known, known)]
    for _ in range(_LEVELS):
        levels.append(
            [ops.average_pool(part, 2, 2, padding="same") for part in levels[-1]]
        )
    colour, known = levels.pop()
    filled = (colour + _NOTHING * color) / (known + _NOTHING)
    for colour, known in reversed(levels):
        coarser = resize_bilinear(filled, ops.shape(known)[1:3])
        filled = (colour + _TRUST * coarser) / (known + _TRUST)
    return resize_bilinear(filled, grid_of(images))
