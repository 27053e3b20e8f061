"""Requests to a model server over REST."""

import base64

import numpy as np
import requests

from keras_explainer.serving.serving_error import ServingError
from keras_explainer.serving.serving_error import no_answer
from keras_explainer.serving.serving_error import no_output
from keras_explainer.serving.serving_error import no_server

# Canonical status of the HTTP statuses that TensorFlow Serving answers, and of those
# that a proxy answers while the server behind it restarts.
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
    502: "UNAVAILABLE",
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
        body = {"signature_name": signature, "inputs": columns}
        answer = self._ask("POST", ":predict", body, "outputs")
        if not isinstance(answer, dict):
            answer = {outputs[0]: answer}  # A single output comes without its name.
        for name in outputs:
            if name not in answer:
                raise no_output(signature, name)
        return {name: _as_array(name, answer[name]) for name in outputs}

    def signatures(self):
        """Returns the served signatures, as the server's metadata have them."""
        metadata = self._ask("GET", "/metadata", None, "metadata")
        return metadata["signature_def"]["signature_def"]

    def close(self):
        self._session.close()

    def _ask(self, method, ending, body, key):
        """Returns what a response has under a key."""
        url = self.address + ending
        try:
            response = self._session.request(
                method, url, json=body, timeout=self.timeout
            )
        # What urllib3 says of it in forty lines tells no more.
        except requests.Timeout:
            raise no_answer(self.address, self.timeout) from None
        except requests.exceptions.SSLError as error:
            message = f"No encrypted connection can be made to {self.address}"
            raise ServingError(message, "UNKNOWN", answered=False) from error
        except (
            requests.ConnectionError,
            requests.exceptions.ChunkedEncodingError,
        ):
            raise no_server(self.address) from None
        except requests.RequestException as error:
            message = f"No request can be made to {self.address} ({error})"
            raise ServingError(message, "UNKNOWN", answered=False) from error
        if response.status_code != 200:
            code = _CODES.get(response.status_code, f"HTTP {response.status_code}")
            raise ServingError(_error_message(response), code)
        try:
            return response.json()[key]
        # Whatever listens there, it is no model server.
        except (ValueError, KeyError, TypeError) as error:
            message = f"No model server answers at {self.address}, but something else"
            raise ServingError(message, "UNKNOWN", answered=False) from error


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
