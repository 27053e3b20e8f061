"""Letting the cells of an image that look alike agree on what they show."""

import numpy as np
from keras import ops

from keras_explainer.image_operations.guided_upsampling import standardized
from keras_explainer.image_operations.resize import grid_of
from keras_explainer.image_operations.resize import resize_area
from keras_explainer.image_operations.resize import resize_bilinear
from keras_explainer.image_operations.undecided_logits import undecided_logits

# What the votes of all cells (the pairwise term) weigh against a cell's own logit (the
# unary one), if colours tell the cells of a mask from the others entirely.
_PAIRWISE_WEIGHT = 16.0
# How far colours may differ, in standard deviations of the image, and how far cells may
# lie apart, as a share of its longer side, to count as alike.
_COLOR = 0.15
_NEAR = 0.3
# A finer grid votes in blocks of cells, at most so many to a side.
_SIDE = 16


def dense_crf(logits, images):
    """Raises or lowers each cell's mask logits by those of the cells that look like it.

    Cells near one another and of like colour vote, with how sure they are, and the mean
    vote is added to a cell's own logit: a round of mean field inference in a fully
    connected conditional random field. So a part of an object that the decoder left out
    joins the rest of it, and a speck goes.

    Votes weigh as much as colours tell of the mask: the more, the better the cells of
    like colour foretell a cell's logit than all that are near. So where colours tell
    nothing (an even picture, noise, an even mask) a mask stays what it is. A cell votes
    for what is inside if it is above what is undecided in its mask, midway between the
    mask's two levels, so that what is small counts as much as what is large.

    The result is odd in the logits, and where all of them rise alike, none falls.

    Args:
        logits: Tensor (N, h, w, K) of mask logits.
        images: Tensor (N, H, W, channels), of any range of values.

    Returns:
        Tensor (N, h, w, K), float32.

    Example:

    >>> images = np.array([-1.0, -1.0, -1.0, 1.0, 1.0, 1.0]).reshape(1, 1, 6, 1)
    >>> logits = np.array([-6.0, 0.5, -6.0, 6.0, -0.5, 6.0]).reshape(1, 1, 6, 1)
    >>> (dense_crf(logits, images)[0, 0, :, 0] > 0).numpy().astype(int).tolist()
    [0, 0, 0, 1, 1, 1]

    Reference:
        Krähenbühl and Koltun, "Efficient Inference in Fully Connected CRFs with
        Gaussian Edge Potentials", NeurIPS 2011.
    """
    logits = ops.cast(logits, "float32")
    blocks, classes = _blocks(*logits.shape[1:3]), ops.shape(logits)[-1]
    colors = resize_area(standardized(ops.cast(images, "float32")), blocks)
    near = _likeness(_places(blocks) / _NEAR)
    alike = ops.softmax(_likeness(_rows(colors) / _COLOR) + near, axis=-1)
    near = ops.softmax(near, axis=-1)
    cells = resize_area(logits, blocks)
    votes = _rows(ops.tanh((cells - undecided_logits(cells)) / 2.0))
    cells = _rows(cells)
    told = _share_told(cells, ops.matmul(alike, cells), ops.matmul(near, cells))
    message = _PAIRWISE_WEIGHT * told * ops.matmul(alike, votes)
    message = ops.reshape(message, (-1, *blocks, classes))
    return logits + resize_bilinear(message, grid_of(logits))


def _share_told(cells, foretold, expected):
    """Returns the share (N, 1, K) of a mask that colours tell, in what they might."""
    told = ops.mean(ops.square(foretold - expected), axis=1, keepdims=True)
    left = ops.mean(ops.square(cells - foretold), axis=1, keepdims=True)
    return told / (told + left + 1e-4)


def _likeness(cells):
    """Returns the logarithm of how alike cells (N, cells, values) are, for a softmax.

    Half the squared distance, less what is the same for all that a cell hears.
    """
    lengths = ops.sum(ops.square(cells), axis=-1)
    products = ops.matmul(cells, ops.transpose(cells, (0, 2, 1)))
    return products - lengths[:, None] / 2


def _places(grid):
    """Returns where cells lie, in longer sides of the grid: (1, cells, 2)."""
    places = np.stack(np.indices(grid), axis=-1).reshape(1, -1, 2) / max(grid)
    return ops.convert_to_tensor(places.astype("float32"))


def _rows(maps):
    """Returns maps (N, h, w, K) as (N, cells, K)."""
    return ops.reshape(maps, (-1, maps.shape[1] * maps.shape[2], ops.shape(maps)[-1]))


def _blocks(height, width):
    """Returns the grid of blocks, fixed where that of the cells is open."""
    if None in (height, width):
        return _SIDE, _SIDE
    block = -(-max(height, width) // _SIDE)
    return -(-height // block), -(-width // block)
