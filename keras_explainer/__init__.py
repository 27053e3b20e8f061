"""Sharp, class-specific masks that explain any Keras image classifier."""

from keras_explainer import datasets
from keras_explainer import losses
from keras_explainer import visualization
from keras_explainer.explainers.explainer_model import ExplainerModel
from keras_explainer.explainers.explanation import Explanation
from keras_explainer.losses.explainer_loss import ExplainerLoss

__version__ = "0.1.0"
__all__ = [
    "Explanation",
    "ExplainerLoss",
    "ExplainerModel",
    "datasets",
    "losses",
    "visualization",
]
