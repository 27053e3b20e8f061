"""Protocols that turn explainers, methods and data into figures."""

from keras_explainer.evaluation.binomial_test import binomial_test
from keras_explainer.evaluation.bootstrap_interval import bootstrap_interval
from keras_explainer.evaluation.evaluate_methods import evaluate_methods
from keras_explainer.evaluation.method_result import MethodResult
from keras_explainer.evaluation.method_rows import METHOD_ROWS
from keras_explainer.evaluation.overlap_by_threshold import overlap_by_threshold
from keras_explainer.evaluation.protocol import PROTOCOLS
from keras_explainer.evaluation.wilson_interval import wilson_interval

__all__ = [
    "METHOD_ROWS",
    "MethodResult",
    "PROTOCOLS",
    "binomial_test",
    "bootstrap_interval",
    "evaluate_methods",
    "overlap_by_threshold",
    "wilson_interval",
]
