"""The running mean over images that the metrics of masks share."""

import keras
from keras import ops


class MeanOverImages(keras.metrics.Mean):
    """Averages a formula over images; those without a value are left out.

    Args:
        formula: Function from (masks, truth, **options) to values (N,), NaN where
            the formula has no value.
        options: Dict of the formula's options, which are the constructor arguments
            of the subclass.
        name: str. Name of the metric.
        dtype: Data type of the result.
    """

    def __init__(self, formula, options, name, dtype=None):
        super().__init__(name=name, dtype=dtype)
        self.formula = formula
        self.options = options

    def update_state(self, y_true, y_pred, sample_weight=None):
        """Adds a batch.

        Args:
            y_true: The truth, as the formula takes it.
            y_pred: Masks (N, H, W) or (N, H, W, 1).
            sample_weight: Optional weights (N,) or (N, 1).
        """
        values = self.formula(y_pred, y_true, **self.options)
        known = ops.logical_not(ops.isnan(values))
        weight = ops.cast(known, self.dtype)
        if sample_weight is not None:
            weight = weight * ops.reshape(ops.cast(sample_weight, self.dtype), (-1,))
        super().update_state(ops.where(known, values, 0.0), sample_weight=weight)

    def get_config(self):
        return {**super().get_config(), **self.options}
