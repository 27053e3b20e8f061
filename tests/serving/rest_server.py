"""The REST rules of TensorFlow Serving on Python's own HTTP server, for tests.

Written after `tensorflow_serving/util/json_tensor.cc` and `g3doc/api_rest.md`; there
is no batching across requests and one version of each model.
"""

import base64
import http.server
import json
import re
import threading
import time

import numpy as np
import tensorflow as tf

_PATH = r"/v1/models/([^/:]+)(?:/versions/(\d+))?(:predict|/metadata)?"
# HTTP status of the canonical error codes.
_STATUSES = {3: 400, 4: 504, 5: 404, 8: 429, 9: 400, 12: 501, 13: 500, 14: 503}


class RestServer:
    """Serves models on a free port of the loopback, inside a `with` block.

    Args:
        models: List of `ServedModel`.
        delay: float. Seconds that every answer takes longer.
    """

    def __init__(self, models, delay=0.0):
        self.models = {model.name: model for model in models}
        self.delay = delay

    def __enter__(self):
        handler = type("Handler", (_Handler,), {"server_of_models": self})
        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self._server.daemon_threads = True
        self.address = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *error):
        self._server.shutdown()
        self._server.server_close()


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def log_message(self, *args):
        pass

    def do_GET(self):
        self._answer(self._status)

    def do_POST(self):
        self._answer(self._predict)

    def _answer(self, method):
        time.sleep(self.server_of_models.delay)
        try:
            status, content = 200, method()
        except tf.errors.OpError as error:
            status = _STATUSES.get(error.error_code, 500)
            content = {"error": error.message}
        body = json.dumps(content).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _model(self, ending):
        found = re.fullmatch(_PATH, self.path)
        if found is None or found[3] not in ending:
            message = f"Malformed request: {self.command} {self.path}"
            raise tf.errors.NotFoundError(None, None, message)
        model = self.server_of_models.models.get(found[1])
        wanted = f"Specific({found[1]}, {found[2]})" if found[2] else None
        if model is None or found[2] not in (None, str(model.version)):
            raise tf.errors.NotFoundError(
                None,
                None,
                f"Servable not found for request: {wanted or f'Latest({found[1]})'}",
            )
        return model

    def _status(self):
        model = self._model((None, "/metadata"))
        return {
            "model_version_status": [
                {
                    "version": str(model.version),
                    "state": "AVAILABLE",
                    "status": {"error_code": "OK", "error_message": ""},
                }
            ]
        }

    def _predict(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        model = self._model((":predict",))
        try:
            request = json.loads(body)
        except ValueError as error:
            raise _invalid(f"JSON Parse error: {error}") from None
        if not isinstance(request, dict):
            raise _invalid(f"JSON Value: {request} Is not object")
        signature = request.get("signature_name", "serving_default")
        definition = model.definition(signature)
        is_row = "instances" in request
        if is_row == ("inputs" in request):
            both = "expecting only one of 'inputs' or 'instances' keys to exist"
            raise _invalid(both if is_row else "Missing 'inputs' or 'instances' key")
        read = _from_rows if is_row else _from_columns
        inputs = read(request["instances" if is_row else "inputs"], definition.inputs)
        return (_as_rows if is_row else _as_columns)(model.run(signature, inputs))


def _invalid(message):
    return tf.errors.InvalidArgumentError(None, None, message)


# === From JSON to tensors ===


def _from_rows(instances, infos):
    if not isinstance(instances, list):
        raise _invalid("Excepting 'instances' to be an list/array")
    if not instances:
        raise _invalid("No values in 'instances' array")
    if not _is_named(instances[0]):
        if len(infos) > 1:
            raise _invalid(
                "instances is a plain list, but expecting list of objects as multiple "
                "input tensors required as per tensorinfo_map"
            )
        (name,) = infos
        instances = [{name: instance} for instance in instances]
    for i, instance in enumerate(instances):
        if not isinstance(instance, dict) or set(instance) != set(infos):
            raise _invalid(
                f"Failed to process element: {i} of 'instances' list. JSON object "
                f"keys must be equal to: {','.join(sorted(infos))}"
            )
    return {
        name: _tensor([instance[name] for instance in instances], info)
        for name, info in infos.items()
    }


def _from_columns(inputs, infos):
    if not _is_named(inputs):
        if len(infos) > 1:
            raise _invalid(
                "inputs is a plain value/list, but expecting an object as multiple "
                "input tensors required as per tensorinfo_map"
            )
        (name,) = infos
        inputs = {name: inputs}
    for name in infos:
        if name not in inputs:
            raise _invalid(f"Missing named input: {name} in 'inputs' object.")
    return {name: _tensor(inputs[name], info) for name, info in infos.items()}


def _is_named(value):
    return isinstance(value, dict) and not _is_base64(value)


def _is_base64(value):
    return isinstance(value, dict) and list(value) == ["b64"]


def _tensor(values, info):
    dtype = tf.dtypes.as_dtype(info.dtype)
    if dtype == tf.string:
        return np.array(_decoded(values), object)
    expected = f"is not of expected type: {dtype.name}"
    try:
        array = np.array(values)
    except ValueError:
        raise _invalid("Encountered list at unexpected size") from None
    kinds = "if" if dtype.is_floating else "i"
    if array.size and array.dtype.kind not in kinds:
        raise _invalid(f"JSON Value: {str(values)[:80]} {expected}")
    return array.astype(dtype.as_numpy_dtype)


def _decoded(value):
    if isinstance(value, list):
        return [_decoded(entry) for entry in value]
    if isinstance(value, str):
        return value.encode()
    if not _is_base64(value):
        raise _invalid(f"JSON Value: {value} not formatted correctly for base64 data")
    try:
        return base64.b64decode(value["b64"], validate=True)
    except ValueError:
        raise _invalid("Unable to base64 decode") from None


# === From tensors to JSON ===


def _as_rows(outputs):
    sizes = {}
    for name, array in outputs.items():
        if array.ndim == 0:
            raise _invalid(f"Tensor name: {name} has no shape information ")
        sizes[name] = len(array)
        expected = next(iter(sizes.values()))
        if len(array) != expected:
            raise _invalid(
                f"Tensor name: {name} has inconsistent batch size: {len(array)} "
                f"expecting: {expected}"
            )
    columns = {name: _values(name, array) for name, array in outputs.items()}
    if len(columns) == 1:
        (rows,) = columns.values()
    else:
        rows = [dict(zip(columns, row)) for row in zip(*columns.values())]
    return {"predictions": rows}


def _as_columns(outputs):
    columns = {name: _values(name, array) for name, array in outputs.items()}
    return {"outputs": columns if len(columns) > 1 else next(iter(columns.values()))}


def _values(name, array):
    if array.dtype != object:
        return array.tolist()
    as_bytes = name.endswith("_bytes")

    def value(content):
        if isinstance(content, list):
            return [value(entry) for entry in content]
        if as_bytes:
            return {"b64": base64.b64encode(content).decode()}
        return content.decode()  # What is no text would break the JSON.

    return value(array.tolist())
