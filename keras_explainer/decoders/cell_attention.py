"""Where each fine cell takes its evidence from, among the coarse ones."""

import keras
from keras import layers
from keras import ops

from keras_explainer.image_operations.resize import resize_bilinear

# Finer maps are reduced to this many cells a side: memory grows with cells x pixels.
_MOST_CELLS = 16
# A weight that bilinear resizing leaves at zero still has to be learnable: cells
# share this much of each fine cell's attention to begin with.
_SHARED = 0.02


@keras.saving.register_keras_serializable(package="keras_explainer")
class CellAttention(layers.Layer):
    """Enlarges what a classifier knows at its coarse cells along objects.

    Every fine cell asks the coarse ones what they know, by attention: the weights
    start near those of bilinear resizing, and training moves them to the cells that
    belong to the same object. They are the same for all classes, so that one image
    teaches them for every class.

    Args:
        depth: int. Length of the queries and keys. Defaults to 32.

    Call arguments:
        vectors: Tensor (N, H, W, D), a decoder's result.
        cells: Tensor (N, h, w, channels), the classifier's final feature map.

    Returns:
        Tuple of the vectors (N, H, W, D), with what was found at the cells added,
        and the weights (N, H * W, h * w), which add up to 1 for each fine cell.

    Example:

    >>> layer = CellAttention()
    >>> _, weights = layer(np.ones((1, 8, 8, 16)), np.ones((1, 2, 2, 5)))
    >>> weights.shape
    TensorShape([1, 64, 4])
    """

    def __init__(self, depth=32, **kwargs):
        kwargs.setdefault("dtype", "float32")
        super().__init__(**kwargs)
        self.depth = depth

    def build(self, vectors_shape, cells_shape):
        width = vectors_shape[-1]
        self.read = keras.Sequential(
            [
                layers.Conv2D(width, 1, use_bias=False, dtype=self.dtype_policy),
                layers.GroupNormalization(1, dtype=self.dtype_policy),
            ]
        )
        self.read.build(cells_shape)
        # No query at the start: plain bilinear resizing.
        self.query = layers.Dense(
            self.depth, kernel_initializer="zeros", dtype=self.dtype_policy
        )
        self.query.build(vectors_shape)
        self.key = layers.Dense(self.depth, dtype=self.dtype_policy)
        self.key.build((*cells_shape[:-1], width))

    def call(self, vectors, cells):
        height, width = ops.shape(vectors)[1:3]
        known = self.read(reduced(ops.cast(cells, "float32")))
        rows, columns = ops.shape(known)[1:3]
        count = rows * columns
        near = ops.reshape(ops.eye(count), (1, rows, columns, count))
        near = ops.reshape(resize_bilinear(near, (height, width)), (1, -1, count))
        queries = ops.reshape(self.query(vectors), (-1, height * width, self.depth))
        keys = ops.reshape(self.key(known), (-1, count, self.depth))
        score = ops.matmul(queries, ops.transpose(keys, (0, 2, 1)))
        weights = ops.softmax(
            ops.log(near + _SHARED / ops.cast(count, "float32"))
            + score / self.depth**0.5
        )
        return vectors + gathered(weights, known, (height, width)), weights

    def compute_output_shape(self, vectors_shape, cells_shape):
        sides = [s and min(s, _MOST_CELLS) for s in cells_shape[1:3]]
        fine, coarse = (
            None if None in pair else pair[0] * pair[1]
            for pair in (vectors_shape[1:3], sides)
        )
        return vectors_shape, (vectors_shape[0], fine, coarse)

    def get_config(self):
        return {**super().get_config(), "depth": self.depth}


def reduced(cells):
    """Returns a map (N, h, w, K) with at most 16 cells a side."""
    sides = ops.shape(cells)[1:3]
    return resize_bilinear(cells, [_at_most(side) for side in sides])


def _at_most(side):
    if isinstance(side, int):
        return min(side, _MOST_CELLS)
    return ops.minimum(side, _MOST_CELLS)


def gathered(weights, cells, size):
    """Returns the weighted means (N, *size, K) of reduced cells (N, h, w, K)."""
    depth = ops.shape(cells)[-1]
    values = ops.reshape(cells, (-1, ops.shape(weights)[-1], depth))
    return ops.reshape(ops.matmul(weights, values), (-1, *size, depth))
