"""Says in one sentence that something needs Keras on TensorFlow, where it is not."""

import keras


def require_tensorflow(what):
    """Checks the backend of Keras.

    Args:
        what: String. What was asked for.

    Raises:
        RuntimeError: If it is another than TensorFlow.
    """
    backend = keras.backend.backend()
    if backend != "tensorflow":
        raise RuntimeError(
            f"{what} should be asked for with Keras on TensorFlow, where an explainer "
            'saved on any backend is loaded: set `os.environ["KERAS_BACKEND"] = '
            f'"tensorflow"` before Keras is imported. Received: {backend}'
        )
