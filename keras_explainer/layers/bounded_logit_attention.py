"""Pooling over the cells of a feature map that the network itself selects."""

import keras
from keras import layers
from keras import ops

from keras_explainer.layers.cell_selection import drawn_cells
from keras_explainer.layers.cell_selection import largest_cells

_CELLS = (1, 2)
_VARIANTS = ("bla", "bla-t", "l2x-f")


# The explainer of the same name is registered under that name.
@keras.saving.register_keras_serializable(
    package="keras_explainer", name="BoundedLogitAttentionLayer"
)
class BoundedLogitAttention(layers.Layer):
    """Pools a feature map over the cells that it selects, in place of average pooling.

    Each cell gets a logit that is bounded by 0 from above. Training moves any number
    of cells to the bound, where they tie; the softmax then spreads over just these.
    At inference only the tied cells count, all alike, so that the prediction rests
    on a subset of the cells that can be shown. Everything is computed in float32,
    since equal logits mean something and half precision makes others equal.

    Args:
        variant: "bla", "bla-t" (a threshold is subtracted from each weight, so that
            large selections weaken the features) or "l2x-f" (a fixed number of cells,
            drawn by Gumbel noise in training).
        temperature: float. The softmax is that of logits / temperature; 10 is the
            factor of 0.1 in the published code.
        threshold: float. What "bla-t" subtracts, as a multiple of a uniform weight
            (1 / cells); 1 would leave nothing of a selection of all cells.
        leak: float. Share of the gradient that a cell at the bound still gets,
            without which cells that all reached it would never leave; 0 is the
            published bound.
        selected: int. Cells that "l2x-f" selects.
        hard: Boolean. Whether inference takes the selection instead of the weights.

    Call arguments:
        features: Tensor (N, h, w, D).
        training: Boolean.

    Returns:
        Tensor (N, D), the weighted sum over the cells.

    Raises:
        ValueError: If an argument is out of range.

    Example:

    >>> layer = BoundedLogitAttention("bla-t")
    >>> layer(np.ones((2, 7, 7, 16))).shape
    TensorShape([2, 16])

    Reference:
        Baumhauer et al., "Bounded logit attention: Learning to explain image
        classifiers", 2021.
    """

    def __init__(
        self,
        variant="bla",
        temperature=10.0,
        threshold=0.98,
        leak=0.01,
        selected=8,
        hard=True,
        **kwargs,
    ):
        kwargs.setdefault("dtype", "float32")
        super().__init__(**kwargs)
        if variant not in _VARIANTS:
            raise ValueError(
                f"Argument `variant` should be one of {_VARIANTS}. "
                f"Received: {variant!r}"
            )
        if not temperature > 0:
            raise ValueError(
                f"Argument `temperature` should be positive. Received: {temperature!r}"
            )
        if not 0 <= threshold < 1 or not 0 <= leak <= 1:
            raise ValueError(
                "Arguments `threshold` and `leak` should be shares, the threshold less "
                f"than 1. Received: threshold={threshold}, leak={leak}"
            )
        if not isinstance(selected, int) or selected < 1:
            raise ValueError(
                "Argument `selected` should be a whole number from 1. "
                f"Received: {selected!r}"
            )
        self.variant = variant
        self.temperature = temperature
        self.threshold = threshold
        self.leak = leak
        self.selected = selected
        self.hard = hard

    def build(self, features_shape):
        # Small weights and a bias below the bound: no two cells tie at the start, all
        # weights are nearly equal, and every cell has a gradient.
        self.score = layers.Conv2D(
            1,
            1,
            kernel_initializer=keras.initializers.VarianceScaling(1e-4, "fan_in"),
            bias_initializer=keras.initializers.Constant(-1.0),
            dtype=self.dtype_policy,
            name="score",
        )
        self.score.build(features_shape)

    def call(self, features, training=False):
        logits = self.logits(features)
        if training or not self.hard:
            return pooled(features, self.weights_of(logits))
        selection = self.selection(logits)
        return pooled(features, equal_weights(selection))

    def logits(self, features):
        """Returns the logits (N, h, w) of the cells, at most 0 but for "l2x-f"."""
        scores = self.score(ops.cast(features, "float32"))[..., 0]
        return scores if self.variant == "l2x-f" else _bounded(scores, self.leak)

    def weights_of(self, logits, seed=None):
        """Returns the weights (N, h, w) by which training pools.

        Args:
            logits: Tensor (N, h, w).
            seed: Pair of int or int tensors, or None. Seed of the draws of "l2x-f";
                None draws anew at each call.
        """
        if self.variant == "l2x-f":
            return drawn_cells(logits, self.selected, self.temperature, seed)
        largest = ops.max(logits, axis=_CELLS, keepdims=True)
        odds = ops.exp((logits - largest) / self.temperature)
        weights = odds / ops.sum(odds, axis=_CELLS, keepdims=True)
        if self.variant == "bla":
            return weights
        height, width = ops.shape(logits)[1:3]
        return ops.relu(weights - self.threshold / (height * width))

    def selection(self, logits):
        """Returns the selected cells (N, h, w), 1 or 0.

        They are those at the bound, or else, where an image has none, its largest
        (all that tie); of "l2x-f" the `selected` largest.
        """
        if self.variant == "l2x-f":
            return largest_cells(logits, self.selected)
        largest = ops.max(logits, axis=_CELLS, keepdims=True)
        return ops.cast(logits >= largest, "float32")

    def compute_output_shape(self, features_shape):
        return (features_shape[0], features_shape[-1])

    def get_config(self):
        return {
            **super().get_config(),
            "variant": self.variant,
            "temperature": self.temperature,
            "threshold": self.threshold,
            "leak": self.leak,
            "selected": self.selected,
            "hard": self.hard,
        }


def pooled(features, weights):
    """Returns the weighted sums (N, D) of features (N, h, w, D)."""
    weighted = ops.cast(features, "float32") * weights[..., None]
    return ops.sum(weighted, axis=_CELLS)


def equal_weights(selection):
    """Returns weights (N, h, w) that are equal in the selected cells, and add to 1."""
    return selection / ops.sum(selection, axis=_CELLS, keepdims=True)


def _bounded(scores, leak):
    """Returns min(scores, 0), whose gradient leaks where the bound is reached."""
    leaked = leak * (scores - ops.stop_gradient(scores))
    return ops.minimum(scores, 0.0) + ops.where(scores > 0.0, leaked, 0.0)
