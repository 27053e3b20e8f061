"""Masks beside true masks, checked, and the metric that averages over images."""

import keras
import numpy as np
from keras import ops

from keras_explainer import backend
from keras_explainer.void import VOID


def as_maps(maps, argument="masks"):
    """Returns maps as a float32 tensor (N, H, W).

    Args:
        maps: Array or tensor (N, H, W) or (N, H, W, 1), numbers or bool.
        argument: Name of the argument, for the error.

    Raises:
        ValueError: If the shape is neither or a value is not finite.

    Example:

    >>> tuple(as_maps(np.array([[[[True], [False]]]])).shape)
    (1, 1, 2)
    """
    if not hasattr(maps, "shape"):
        maps = np.asarray(maps)
    shape = tuple(maps.shape)
    if len(shape) == 4 and shape[-1] == 1:
        maps = maps[..., 0]
    elif len(shape) != 3:
        raise ValueError(
            f"Argument `{argument}` should have the shape (N, H, W) or (N, H, W, 1). "
            f"Received: shape {shape}"
        )
    maps = ops.cast(maps, "float32")
    # Inside a graph there are no values to look at.
    is_known = not backend.is_symbolic(maps)
    if is_known and not np.isfinite(ops.convert_to_numpy(maps)).all():
        raise ValueError(
            f"Argument `{argument}` should be finite. Received: NaN or infinity"
        )
    return maps


def compare(true_masks, masks):
    """Returns masks, and which pixels are object and which count.

    Args:
        true_masks: Array or tensor of the same size, bool, or numbers: 0 for
            background, 255 for void, anything else for the object.
        masks: Array or tensor (N, H, W) or (N, H, W, 1), numbers or bool.

    Returns:
        Tuple of float32 tensors (N, H, W): the masks, 1 on the object, and 1 where
        the pixel is not void.

    Raises:
        ValueError: If the shapes do not suit each other.
    """
    masks, true_masks = as_maps(masks), as_maps(true_masks, "true_masks")
    if tuple(masks.shape[1:]) != tuple(true_masks.shape[1:]) or (
        None not in (masks.shape[0], true_masks.shape[0])
        and masks.shape[0] != true_masks.shape[0]
    ):
        raise ValueError(
            "Argument `true_masks` should have the shape of the masks, "
            f"{tuple(masks.shape)}. Received: shape {tuple(true_masks.shape)}"
        )
    valid = ops.cast(true_masks != VOID, "float32")
    return masks, ops.cast(true_masks > 0, "float32") * valid, valid


def sum_pixels(values):
    """Returns the sums (N,) of maps (N, H, W)."""
    return ops.sum(values, axis=(1, 2))


def known_where(known, values):
    """Returns the values (N,), or NaN where they are not defined."""
    return ops.where(known, values, float("nan"))


def ratio(values, totals):
    """Returns values / totals (N,), or NaN where the total is 0."""
    return known_where(totals > 0, values / ops.where(totals > 0, totals, 1.0))


def grow(region, width):
    """Returns a region (N, H, W) of 0 and 1, `width` pixels larger on each side."""
    return ops.max_pool(region[..., None], 2 * width + 1, strides=1, padding="same")[
        ..., 0
    ]


class MeanOverImages(keras.metrics.Mean):
    """Averages a formula over images; those without a value are left out.

    Args:
        formula: Function from (truth, masks, **options) to values (N,), NaN where the
            formula has no value.
        options: Dict of the formula's options, which are the constructor arguments
            of the subclass.
        name: String. Name of the metric.
        dtype: Data type of the result.
    """

    def __init__(self, formula, options, name, dtype=None):
        super().__init__(name=name, dtype=dtype)
        self.formula = formula
        self.options = options

    def values(self, truth, masks):
        """Returns the values (N,) of a batch, NaN where there is none."""
        return self.formula(truth, masks, **self.options)

    def update_state(self, y_true, y_pred, sample_weight=None):
        """Adds a batch.

        Args:
            y_true: True masks, or true boxes, as the formula takes them.
            y_pred: Masks (N, H, W) or (N, H, W, 1).
            sample_weight: Optional weights (N,) or (N, 1).
        """
        values = self.values(y_true, y_pred)
        known = ops.logical_not(ops.isnan(values))
        weight = ops.cast(known, self.dtype)
        if sample_weight is not None:
            weight = weight * ops.reshape(ops.cast(sample_weight, self.dtype), (-1,))
        super().update_state(ops.where(known, values, 0.0), sample_weight=weight)

    def get_config(self):
        return {**super().get_config(), **self.options}


class MaskMetric(MeanOverImages):
    """A mean over images that compares masks with true masks."""

    higher_is_better = True
