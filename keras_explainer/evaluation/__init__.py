"""Protocols that turn explainers, methods and data into figures."""

from keras_explainer.evaluation.mask_quality import mask_quality

__all__ = ["mask_quality"]
