"""Says in one sentence that Keras should run on TensorFlow, where it does not."""

import os
import sys


def require_tensorflow():
    """Checks the backend of Keras, without an import of Keras where none is needed.

    Raises:
        ImportError: If it is another than TensorFlow.
    """
    backend = os.environ.get("KERAS_BACKEND")
    if "keras" in sys.modules or not backend:
        import keras

        backend = keras.backend.backend()
    if backend != "tensorflow":
        raise ImportError(
            "The backend of Keras should be TensorFlow for explainers and methods, set "
            'before Keras is imported: `os.environ["KERAS_BACKEND"] = "tensorflow"`. '
            f"Received: {backend}"
        )


require_tensorflow()
