"""What is read off a frozen Keras classifier."""

from keras_explainer.classifiers.frozen_classifier import FrozenClassifier
from keras_explainer.classifiers.layer_graph import LayerGraph
from keras_explainer.classifiers.preprocessing import Preprocessing

__all__ = ["FrozenClassifier", "LayerGraph", "Preprocessing"]
