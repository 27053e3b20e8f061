"""Requests to an exported explainer in this process, without a server."""

import numpy as np

from keras_explainer.serving.serving_error import ServingError
from keras_explainer.serving.serving_error import no_output


class SavedModelRoute:
    """Asks an exported explainer as a server would be asked.

    Args:
        folder: `pathlib.Path` of a version folder.
    """

    def __init__(self, folder):
        import tensorflow as tf

        # All of it: the variables live no longer than what was loaded.
        self._loaded = tf.saved_model.load(str(folder))

    def predict(self, signature, inputs, outputs):
        """Returns a dict of arrays, one for each name in `outputs`."""
        import tensorflow as tf

        if signature not in self._loaded.signatures:
            message = f"There is no signature {signature}"
            raise ServingError(message, "INVALID_ARGUMENT")
        function = self._loaded.signatures[signature]
        for name in outputs:
            if name not in function.structured_outputs:
                raise no_output(signature, name)
        specs = function.structured_input_signature[1]
        tensors = {
            name: tf.constant(values, specs[name].dtype)
            for name, values in inputs.items()
        }
        try:
            answer = function(**tensors)
        except tf.errors.OpError as error:
            code = {3: "INVALID_ARGUMENT", 8: "RESOURCE_EXHAUSTED"}
            raise ServingError(
                error.message, code.get(error.error_code, "INTERNAL")
            ) from error
        return {name: _as_array(name, answer[name].numpy()) for name in outputs}

    def signatures(self):
        """Returns the signatures, as the metadata of a server over REST have them."""
        return {
            name: {
                "inputs": _infos(function.structured_input_signature[1]),
                "outputs": _infos(function.structured_outputs),
            }
            for name, function in self._loaded.signatures.items()
        }

    def close(self):
        self._loaded = None


def _infos(specs):
    return {
        name: {"tensor_shape": {"dim": [{"size": side or -1} for side in spec.shape]}}
        for name, spec in specs.items()
    }


def _as_array(name, array):
    if array.dtype != object or name.endswith("_bytes"):
        return array
    return np.vectorize(bytes.decode, otypes=[object])(array)
