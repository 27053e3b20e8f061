"""Scores the cells of a grid, the same for all classes."""

import keras
from keras import layers
from keras import ops

from keras_explainer.image_operations.resize import resize_bilinear


@keras.saving.register_keras_serializable(package="keras_explainer")
class CellSelector(layers.Layer):
    """Gives each cell of a grid a logit, from what is there and in the whole image.

    The coarsest and the finest map are brought to the grid; the mean of the coarsest
    one joins them in every cell; three convolutions follow.

    Args:
        grid: int. Cells along each side.
        width: int. Channels of the hidden convolutions.

    Call arguments:
        features: List of maps (N, h, w, channels), coarse to fine.

    Returns:
        Tensor (N, grid, grid), float32.

    Example:

    >>> CellSelector(grid=4)([np.ones((1, 7, 7, 32)), np.ones((1, 14, 14, 16))]).shape
    TensorShape([1, 4, 4])
    """

    def __init__(self, grid, width=64, **kwargs):
        kwargs.setdefault("dtype", "float32")
        super().__init__(**kwargs)
        self.grid = grid
        self.width = width
        self.hidden = [self._convolution(width, 3, "relu") for _ in range(2)]
        self.score = self._convolution(1, 1, None)

    def _convolution(self, filters, kernel, activation):
        return layers.Conv2D(
            filters,
            kernel,
            padding="same",
            activation=activation,
            dtype=self.dtype_policy,
        )

    def build(self, features_shape):
        depth = 2 * features_shape[0][-1] + features_shape[-1][-1]
        shape = (None, self.grid, self.grid, depth)
        for layer in (*self.hidden, self.score):
            layer.build(shape)
            shape = (*shape[:-1], self.width)

    def call(self, features):
        size = (self.grid, self.grid)
        coarse, fine = (resize_bilinear(features[i], size) for i in (0, -1))
        whole = ops.mean(features[0], axis=(1, 2), keepdims=True)
        whole = ops.cast(whole, coarse.dtype) + ops.zeros_like(coarse)
        cells = ops.concatenate([coarse, fine, whole], axis=-1)
        for layer in self.hidden:
            cells = layer(cells)
        return self.score(cells)[..., 0]

    def compute_output_shape(self, features_shape):
        return (features_shape[0][0], self.grid, self.grid)

    def get_config(self):
        return {**super().get_config(), "grid": self.grid, "width": self.width}
