"""Attribution methods that need no training."""

from keras_explainer.attribution.grad_cam import GradCAM

__all__ = ["GradCAM"]
