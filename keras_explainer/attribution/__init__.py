"""Attribution methods that need no training."""

from keras_explainer.attribution.attention_relevance import AttentionRelevance
from keras_explainer.attribution.attention_rollout import AttentionRollout
from keras_explainer.attribution.base_method import AttributionMethod
from keras_explainer.attribution.extremal_perturbation import ExtremalPerturbation
from keras_explainer.attribution.grad_cam import GradCAM
from keras_explainer.attribution.guided_backprop import GuidedBackprop
from keras_explainer.attribution.igos_plus_plus import IGOSPlusPlus
from keras_explainer.attribution.integrated_gradients import IntegratedGradients
from keras_explainer.attribution.rise import RISE
from keras_explainer.attribution.smooth_grad import SmoothGrad

__all__ = [
    "AttentionRelevance",
    "AttentionRollout",
    "AttributionMethod",
    "ExtremalPerturbation",
    "GradCAM",
    "GuidedBackprop",
    "IGOSPlusPlus",
    "IntegratedGradients",
    "RISE",
    "SmoothGrad",
]
