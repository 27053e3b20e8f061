"""Losses: formula functions, and the objective that weighs them."""

from keras_explainer.losses.classifier_terms import classification_loss
from keras_explainer.losses.classifier_terms import entropy_loss
from keras_explainer.losses.classifier_terms import evidence_loss
from keras_explainer.losses.discrete_mask_loss import DiscreteMaskLoss
from keras_explainer.losses.explainer_loss import ExplainerLoss
from keras_explainer.losses.feature_contrast import contrast_loss
from keras_explainer.losses.function_loss import FunctionLoss
from keras_explainer.losses.mask_terms import aggregate_masks
from keras_explainer.losses.mask_terms import area_loss
from keras_explainer.losses.mask_terms import edge_aware_variation
from keras_explainer.losses.mask_terms import outline_length
from keras_explainer.losses.mask_terms import total_variation
from keras_explainer.losses.policy_gradient import policy_gradient
from keras_explainer.losses.policy_gradient import published_policy_loss
from keras_explainer.losses.real_time_saliency_loss import RealTimeSaliencyLoss
from keras_explainer.losses.selection_loss import SelectionLoss
from keras_explainer.losses.step_outputs import StepOutputs

__all__ = [
    "DiscreteMaskLoss",
    "ExplainerLoss",
    "FunctionLoss",
    "RealTimeSaliencyLoss",
    "SelectionLoss",
    "StepOutputs",
    "aggregate_masks",
    "area_loss",
    "classification_loss",
    "contrast_loss",
    "edge_aware_variation",
    "entropy_loss",
    "evidence_loss",
    "outline_length",
    "policy_gradient",
    "published_policy_loss",
    "total_variation",
]
