"""Requests to a model server over REST."""

import base64

import numpy as np
import requests

from keras_explainer.serving.serving_error import ServingError

# Canonical status of the HTTP statuses that TensorFlow Serving answers.
_CODES = {
    400: "INVALID_ARGUMENT",
    401: "UNAUTHENTICATED",
    403: "PERMISSION_DENIED",
    404: "NOT_FOUND",
    409: "ABORTED",
    429: "RESOURCE_EXHAUSTED",
    499: "CANCELLED",
    500: "INTERNAL",
    501: "UNIMPLEMENTED",
    503: "UNAVAILABLE",
    504: "DEADLINE_EXCEEDED",
}


class RestRoute:
    """Asks a model server over REST, in its column format.

    Args:
        address: String, such as "http://localhost:8501/v1/models/pets".
        timeout: float, seconds.
    """

    def __init__(self, address, timeout):
        self.address = address
        self.timeout = timeout
        self._session = requests.Session()

    def predict(self, signature, inputs, outputs):
        """Returns a dict of arrays, one for each name in `outputs`."""
        columns = {name: _as_json(values) for name, values in inputs.items()}
        try:
            response = self._session.post(
                f"{self.address}:predict",
                json={"signature_name": signature, "inputs": columns},
                timeout=self.timeout,
            )
        except requests.Timeout as error:
            raise ServingError(str(error), "DEADLINE_EXCEEDED") from error
        except requests.RequestException as error:
            raise ServingError(str(error), "UNAVAILABLE") from error
        if response.status_code != 200:
            code = _CODES.get(response.status_code, f"HTTP {response.status_code}")
            raise ServingError(_error_message(response), code)
        answer = response.json()["outputs"]
        if len(outputs) == 1 and not isinstance(answer, dict):
            answer = {outputs[0]: answer}  # A single output comes without its name.
        return {name: _as_array(name, answer[name]) for name in outputs}

    def close(self):
        self._session.close()


def _as_json(values):
    if values.dtype != object:
        return values.tolist()
    return [{"b64": base64.b64encode(content).decode()} for content in values]


def _as_array(name, values):
    if name.endswith("_bytes"):
        rows = [[base64.b64decode(entry["b64"]) for entry in row] for row in values]
        array = np.empty((len(rows), len(rows[0]) if rows else 0), object)
        array[...] = rows
        return array
    array = np.array(values)
    if array.dtype.kind == "U":
        return array.astype(object)
    return array.astype("int32" if array.dtype.kind == "i" else "float32")


def _error_message(response):
    try:
        return response.json()["error"]
    # A proxy in between answers in its own words.
    except (ValueError, KeyError, TypeError):
        return response.text[:500] or response.reason
