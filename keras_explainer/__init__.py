"""Sharp, class-specific masks that explain any Keras image classifier."""

import importlib
import pathlib
import sys

__version__ = "0.1.0"

# Public name: the module that has it, or None for a module.
_PLACES = {
    "BoundedLogitAttention": "keras_explainer.explainers",
    "DiscreteMaskExplainer": "keras_explainer.explainers",
    "Explanation": "keras_explainer.explainers",
    "ExplainerLoss": "keras_explainer.losses",
    "ExplainerModel": "keras_explainer.explainers",
    "L2X": "keras_explainer.explainers",
    "RealTimeSaliency": "keras_explainer.explainers",
    "attribution": None,
    "bulk": None,
    "datasets": None,
    "evaluation": None,
    "layers": None,
    "losses": None,
    "metrics": None,
    "serving": None,
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


def _is_command_line():
    started = ("-m", "keras_explainer") in zip(sys.orig_argv, sys.orig_argv[1:])
    return started or pathlib.Path(sys.argv[0]).stem == "keras-explainer"


# Keras finds saved classes only once they are imported. The command line imports
# them when it needs them, after it has quietened TensorFlow.
if not _is_command_line():
    from keras_explainer.explainers import ExplainerModel  # noqa: F401
