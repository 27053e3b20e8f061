"""Attribution methods that need no training."""

from keras_explainer.attribution.base_method import AttributionMethod
from keras_explainer.attribution.grad_cam import GradCAM
from keras_explainer.attribution.guided_backprop import GuidedBackprop
from keras_explainer.attribution.integrated_gradients import IntegratedGradients
from keras_explainer.attribution.smooth_grad import SmoothGrad

__all__ = [
    "AttributionMethod",
    "GradCAM",
    "GuidedBackprop",
    "IntegratedGradients",
    "SmoothGrad",
]
