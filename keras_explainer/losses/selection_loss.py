"""The objective of explainers that select cells: the answer from a selection."""

import keras

from keras_explainer.losses.objective import Objective


@keras.saving.register_keras_serializable(package="keras_explainer")
class SelectionLoss(Objective):
    """Weighs the answer from the selected cells against their number.

    Args:
        classification_weight: float. Weight of the cross-entropy of the answer.
        size_weight: float. Weight of the share of cells that are selected; 0 as
            published.

    Example:

    >>> explainer = kx.BoundedLogitAttentionExplainer(classifier)
    >>> explainer.compile(loss=SelectionLoss(size_weight=0.1))
    """

    TERMS = ("classification", "size")

    def __init__(self, classification_weight=1.0, size_weight=0.0):
        super().__init__(
            classification_weight=classification_weight, size_weight=size_weight
        )
