"""Sharp, class-specific masks that explain any Keras image classifier."""

import importlib

from keras_explainer.saved_classes import register_saved_classes

__version__ = "0.1.0"

# Public name: the module that has it, or None for a module.
_PLACES = {
    "BoundedLogitAttentionExplainer": "keras_explainer.explainers",
    "DiscreteMaskExplainer": "keras_explainer.explainers",
    "Explanation": "keras_explainer.explainers",
    "ExplainerLoss": "keras_explainer.losses",
    "ExplainerModel": "keras_explainer.explainers",
    "L2XExplainer": "keras_explainer.explainers",
    "RealTimeSaliencyExplainer": "keras_explainer.explainers",
    "attribution": None,
    "bulk": None,
    "callbacks": None,
    "datasets": None,
    "evaluation": None,
    "layers": None,
    "load": "keras_explainer.loading.load",
    "losses": None,
    "metrics": None,
    "serving": None,
    "shipped_model": "keras_explainer.shipped_models",
    "visualization": None,
}
__all__ = list(_PLACES)


def __getattr__(name):
    if name not in _PLACES:
        raise AttributeError(f"module 'keras_explainer' has no attribute {name!r}")
    if _PLACES[name] is None:
        return importlib.import_module(f"keras_explainer.{name}")
    return getattr(importlib.import_module(_PLACES[name]), name)


def __dir__():
    return [*globals(), *_PLACES]


# Saved explainers are found by Keras after `import keras_explainer` alone.
register_saved_classes()
