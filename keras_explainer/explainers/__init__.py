"""Trainable explainers."""

import keras_explainer.require_tensorflow  # noqa: F401
from keras_explainer.explainers.bounded_logit_attention import BoundedLogitAttention
from keras_explainer.explainers.discrete_mask_explainer import DiscreteMaskExplainer
from keras_explainer.explainers.explainer_model import ExplainerModel
from keras_explainer.explainers.l2x import L2X
from keras_explainer.explainers.real_time_saliency import RealTimeSaliency
from keras_explainer.explanation import Explanation

__all__ = [
    "BoundedLogitAttention",
    "DiscreteMaskExplainer",
    "ExplainerModel",
    "Explanation",
    "L2X",
    "RealTimeSaliency",
]
