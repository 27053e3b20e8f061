"""Explanations of very many images: what `keras-explainer explain-bulk` wrote."""

from keras_explainer.bulk.read_explanations import BulkExplanation
from keras_explainer.bulk.read_explanations import read_explanations

__all__ = ["BulkExplanation", "read_explanations"]
