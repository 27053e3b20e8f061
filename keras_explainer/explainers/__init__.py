"""Trainable explainers."""

from keras_explainer.explainers.explainer_model import ExplainerModel
from keras_explainer.explainers.explanation import Explanation

__all__ = ["ExplainerModel", "Explanation"]
