"""Trainable explainers."""

from keras_explainer.explainers.bounded_logit_attention_explainer import (
    BoundedLogitAttentionExplainer,
)
from keras_explainer.explainers.discrete_mask_explainer import DiscreteMaskExplainer
from keras_explainer.explainers.explainer_model import ExplainerModel
from keras_explainer.explainers.l2x_explainer import L2XExplainer
from keras_explainer.explainers.real_time_saliency_explainer import (
    RealTimeSaliencyExplainer,
)
from keras_explainer.explanations.explanation import Explanation

__all__ = [
    "BoundedLogitAttentionExplainer",
    "DiscreteMaskExplainer",
    "ExplainerModel",
    "Explanation",
    "L2XExplainer",
    "RealTimeSaliencyExplainer",
]
