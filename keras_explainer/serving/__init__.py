"""One endpoint for the prediction and its evidence: exports, and their client."""

import importlib

# Imported on demand: an export needs none of the libraries that a client needs.
_PLACES = {
    "Client": "keras_explainer.serving.client",
    "ServingError": "keras_explainer.serving.serving_error",
    "export_litert": "keras_explainer.serving.export_litert",
    "export_saved_model": "keras_explainer.serving.export_saved_model",
}
__all__ = list(_PLACES)


def __getattr__(name):
    if name not in _PLACES:
        raise AttributeError(
            f"module 'keras_explainer.serving' has no attribute {name!r}"
        )
    # Kept, since the import has put the module of that name here.
    globals()[name] = getattr(importlib.import_module(_PLACES[name]), name)
    return globals()[name]


def __dir__():
    return [*globals(), *_PLACES]
