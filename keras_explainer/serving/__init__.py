"""One endpoint for the prediction and its evidence: exports, and their client."""

from keras_explainer.serving.client import Client
from keras_explainer.serving.export_litert import export_litert
from keras_explainer.serving.export_saved_model import export_saved_model
from keras_explainer.serving.serving_error import ServingError

__all__ = ["Client", "ServingError", "export_litert", "export_saved_model"]
