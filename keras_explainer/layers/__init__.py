"""Layers for models of your own."""

from keras_explainer.layers.bounded_logit_attention import BoundedLogitAttention

__all__ = ["BoundedLogitAttention"]
