"""Letting the cells of an image that look alike agree on what they show."""

import numpy as np
from keras import ops

from keras_explainer.image_operations.guided_upsampling import standardized
from keras_explainer.image_operations.resize import grid_of
from keras_explainer.image_operations.resize import resize_area
from keras_explainer.image_operations.resize import resize_bilinear

# What the votes of all cells (the pairwise term) weigh against a cell's own logit (the
# unary one).
_PAIRWISE_WEIGHT = 20.0
# How far colours may differ, in standard deviations of the image, and how far cells may
# lie apart, as a share of its longer side, to count as alike.
_COLOR = 0.1
_NEAR = 0.2
# Votes wear down what is smaller than its surroundings. To make up for it, all cells of
# a mask lean away from what most of them say: by so much times their mean vote.
_COMPENSATION = 4.0
_ROUNDS = 5
# A finer grid votes in blocks of cells, at most so many to a side.
_SIDE = 16


def dense_crf(logits, images):
    """Raises or lowers each cell's mask logits by those of the cells that look like it.

    In each round cells near one another and of like colour vote, with how sure they
    are, and the mean vote is added to a cell's own logit: mean field inference in a
    fully connected conditional random field. So a part of an object that the decoder
    left out joins the rest of it, and a speck on an even ground goes.

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
    size, classes = grid_of(logits), ops.shape(logits)[-1]
    blocks = _blocks(*logits.shape[1:3])
    colors = resize_area(standardized(ops.cast(images, "float32")), blocks)
    affinities = _affinities(colors, blocks)
    logits = ops.cast(logits, "float32")
    mean_votes = ops.mean(_votes(logits), axis=(1, 2), keepdims=True)
    logits = unary = logits - _COMPENSATION * mean_votes
    for _ in range(_ROUNDS):
        votes = resize_area(_votes(logits), blocks)
        cells = ops.reshape(votes, (-1, blocks[0] * blocks[1], classes))
        messages = ops.reshape(ops.matmul(affinities, cells), (-1, *blocks, classes))
        logits = unary + _PAIRWISE_WEIGHT * resize_bilinear(messages, size)
    return logits


def _votes(logits):
    """Returns how sure each cell is: -1 outside the mask, 1 inside, 0 undecided."""
    return 2.0 * ops.sigmoid(logits) - 1.0


def _affinities(colors, grid):
    """Returns the weight of every cell's vote for each other: (N, cells, cells)."""
    places = np.stack(np.indices(grid), axis=-1) / (_NEAR * max(grid))
    places = ops.zeros_like(colors[..., :1]) + places.astype("float32")
    cells = ops.concatenate([colors / _COLOR, places], axis=-1)
    cells = ops.reshape(cells, (-1, grid[0] * grid[1], cells.shape[-1]))
    lengths = ops.sum(ops.square(cells), axis=-1)
    products = ops.matmul(cells, ops.transpose(cells, (0, 2, 1)))
    # Half the squared distance, less what is the same for all that a cell hears.
    return ops.softmax(products - lengths[:, None] / 2, axis=-1)


def _blocks(height, width):
    """Returns the grid of blocks, fixed where that of the cells is open."""
    if None in (height, width):
        return _SIDE, _SIDE
    block = -(-max(height, width) // _SIDE)
    return -(-height // block), -(-width // block)
