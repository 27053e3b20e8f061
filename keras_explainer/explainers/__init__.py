"""Trainable explainers."""

from keras_explainer.explainers.bounded_logit_attention import BoundedLogitAttention
from keras_explainer.explainers.discrete_mask_explainer import DiscreteMaskExplainer
from keras_explainer.explainers.explainer_model import ExplainerModel
from keras_explainer.explainers.explanation import Explanation

__all__ = [
    "BoundedLogitAttention",
    "DiscreteMaskExplainer",
    "ExplainerModel",
    "Explanation",
]
