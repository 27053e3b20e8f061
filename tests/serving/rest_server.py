"""The REST rules of TensorFlow Serving on Python's own HTTP server, for tests.

Written after `model_servers/http_rest_api_handler.cc`, `http_rest_api_util.cc` and
`util/json_tensor.cc`, which say what is looked at first and how it is refused. There is
no batching across requests, and JSON is as Python reads it: no `Inf`, and 1e400 is
infinite.
"""

import base64
import http.server
import json
import math
import re
import threading
import time

import numpy as np
import tensorflow as tf
from served_model import chosen
from served_model import invalid
from tensorflow.core.framework import types_pb2

_SPEC = r"(?:/versions/(\d+)|/labels/([^/:]+))?"
_PREDICT = rf"(?i:/v1/models)/([^/:]+){_SPEC}:(?i:predict)"
_STATUS = rf"(?i:/v1/models)(?:/([^/:]+))?{_SPEC}(/metadata)?"
# HTTP status of the canonical error codes; all others are 500.
_STATUSES = {
    **{1: 499, 3: 400, 4: 504, 5: 404, 6: 409, 7: 403, 8: 429, 9: 400, 10: 409},
    **{11: 400, 12: 501, 14: 503, 16: 401},
}


class RestServer:
    """Serves models on a free port of the loopback, inside a `with` block.

    Args:
        models: List of `ServedModel`.
        delay: float. Seconds that every answer takes longer.
        labels: Dict of versions by label.
    """

    def __init__(self, models, delay=0.0, labels=None):
        self.models = models
        self.delay = delay
        self.labels = labels or {}

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
        self._answer(self._state)

    def do_POST(self):
        self._answer(self._predict)

    def do_PUT(self):
        self._answer(self._malformed)

    do_DELETE = do_PUT

    def _answer(self, method):
        time.sleep(self.server_of_models.delay)
        self.body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        if not re.match(r"(?i)/v1/", self.path):
            self._send(404, "text/html", b"<h1>Not Found</h1>")
            return
        try:
            status, content = 200, method()
        except tf.errors.OpError as error:
            status = _STATUSES.get(error.error_code, 500)
            content = {"error": error.message}
        self._send(status, "application/json", json.dumps(content).encode())

    def _send(self, status, kind, body):
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _malformed(self):
        raise invalid(f"Malformed request: {self.command} {self.path}")

    def _spec(self, pattern):
        """Returns name, version and label of the path, and what is left."""
        found = re.fullmatch(pattern, self.path)
        if found is None:
            self._malformed()
        name, version, label, *rest = found.groups()
        if version and int(version) >= 2**63:
            raise invalid(f"Failed to convert version: {version} to numeric.")
        return name, int(version) if version else None, label, *rest

    def _model(self, name, version, label):
        server = self.server_of_models
        return chosen(server.models, server.labels, name, version, label)

    def _state(self):
        name, version, label, metadata = self._spec(_STATUS)
        if not name:
            raise invalid("Missing model name in request.")
        if metadata:
            return _metadata(self._model(name, version, label))
        # A label is not looked at.
        named = [m for m in self.server_of_models.models if m.name == name]
        found = [m for m in named if version in (None, m.version)]
        if not found:
            which = "any versions" if version is None else f"version {version}"
            message = f"Could not find {which} of model {name}"
            raise tf.errors.NotFoundError(None, None, message)
        newest_first = sorted(found, key=lambda model: -model.version)
        return {
            "model_version_status": [
                {
                    "version": str(model.version),
                    "state": "AVAILABLE",
                    "status": {"error_code": "OK", "error_message": ""},
                }
                for model in newest_first
            ]
        }

    def _predict(self):
        spec = self._spec(_PREDICT)
        request = _parsed(self.body)
        signature = request.get("signature_name", "")
        if not isinstance(signature, str):
            raise invalid(
                f"JSON Value: {_shown(request)} not formatted correctly. "
                "'signature_name' key must be a string value."
            )
        model = self._model(*spec)
        infos = model.definition(signature).inputs
        is_row = "instances" in request
        if is_row and "inputs" in request:
            raise invalid(
                f"JSON Value: {_shown(request)} Not formatted correctly expecting "
                "only one of 'inputs' or 'instances' keys to exist "
            )
        if is_row:
            inputs = _from_rows(request, infos)
        elif "inputs" in request:
            inputs = _from_columns(request["inputs"], infos)
        else:
            raise invalid("Missing 'inputs' or 'instances' key")
        return (_as_rows if is_row else _as_columns)(model.run(signature, inputs))


def _metadata(model):
    def tensors(infos):
        return {
            name: {
                "dtype": types_pb2.DataType.Name(info.dtype),
                "tensor_shape": {
                    "dim": [
                        {"size": str(dim.size), "name": dim.name}
                        for dim in info.tensor_shape.dim
                    ],
                    "unknown_rank": info.tensor_shape.unknown_rank,
                },
                "name": info.name,
            }
            for name, info in infos.items()
        }

    signatures = {
        name: {
            "inputs": tensors(definition.inputs),
            "outputs": tensors(definition.outputs),
            "method_name": definition.method_name,
        }
        for name, definition in model.signatures.items()
    }
    return {
        "model_spec": {
            "name": model.name,
            "signature_name": "",
            "version": str(model.version),
        },
        "metadata": {"signature_def": {"signature_def": signatures}},
    }


# === From JSON to tensors ===


def _parsed(body):
    if not body:
        raise invalid("JSON Parse error: The document is empty")
    try:
        # Of a key that is there twice, the first counts.
        request = json.loads(body, object_pairs_hook=lambda p: dict(reversed(p)))
    except ValueError as error:
        raise invalid(f"JSON Parse error: {error}") from None
    if not isinstance(request, dict):
        raise invalid(f"JSON Value: {_shown(request)} Is not object")
    return request


def _from_rows(request, infos):
    instances = request["instances"]
    if not isinstance(instances, list):
        raise invalid(
            f"JSON Value: {_shown(request)} Excepting 'instances' to be an list/array"
        )
    if not instances:
        raise invalid(f"JSON Value: {_shown(request)} No values in 'instances' array")
    if not isinstance(instances[0], dict) and len(infos) > 1:
        raise invalid(
            "instances is a plain list, but expecting list of objects as multiple "
            "input tensors required as per tensorinfo_map"
        )
    named = _is_named(instances[0])
    columns = {}
    for i, instance in enumerate(instances):
        if named != _is_named(instance):
            words = ("object", "list") if named else ("value/list", "object")
            raise invalid(
                f"Expecting {words[0]} but got {words[1]} at item {i} of input list"
            )
        for name, value in (instance if named else {min(infos): instance}).items():
            try:
                _add_row(columns, name, value, infos)
            except tf.errors.InvalidArgumentError as error:
                key = f" key: {name}" if named else ""
                raise invalid(
                    f"Failed to process element: {i}{key} of 'instances' list. "
                    f"Error: INVALID_ARGUMENT: {error.message}"
                ) from None
        if named and set(instance) != set(infos):
            raise invalid(
                f"Failed to process element: {i} of 'instances' list. JSON object: "
                f"{_shown(instance)} must only have keys: {','.join(sorted(infos))}"
            )
    return {name: np.stack(rows) for name, rows in columns.items()}


def _add_row(columns, name, value, infos):
    if name not in infos:
        raise invalid(f"JSON object: does not have named input: {name}")
    row = _tensor(value, infos[name])
    rows = columns.setdefault(name, [])
    if rows and rows[0].size != row.size:
        raise invalid(f"Expecting tensor size: {rows[0].size} but got: {row.size}")
    if rows and rows[0].shape != row.shape:
        shapes = [f"[{','.join(map(str, r.shape))}]" for r in (rows[0], row)]
        raise invalid(f"Expecting shape {shapes[0]} but got: {shapes[1]}")
    rows.append(row)


def _from_columns(inputs, infos):
    if not _is_named(inputs):
        if len(infos) > 1:
            raise invalid(
                "inputs is a plain value/list, but expecting an object as multiple "
                "input tensors required as per tensorinfo_map"
            )
        (name,) = infos
        return {name: _tensor(inputs, infos[name])}
    # Further keys are not looked at.
    for name in infos:
        if name not in inputs:
            raise invalid(f"Missing named input: {name} in 'inputs' object.")
    return {name: _tensor(inputs[name], info) for name, info in infos.items()}


def _is_named(value):
    return isinstance(value, dict) and not _is_base64(value)


def _is_base64(value):
    return (
        isinstance(value, dict)
        and list(value) == ["b64"]
        and isinstance(value["b64"], str)
    )


def _tensor(value, info):
    """Returns an array of the shape that a value's first entries have."""
    dtype = tf.dtypes.as_dtype(info.dtype)
    shape, first = [], value
    while isinstance(first, list):
        shape.append(len(first))
        first = first[0] if first else None
    entries = []
    _fill(value, 0, shape, dtype, entries)
    return np.array(entries, dtype.as_numpy_dtype).reshape(shape)


def _fill(value, level, shape, dtype, entries):
    if not isinstance(value, list):
        if level != len(shape):
            raise invalid(
                f"JSON Value: {_shown(value)} found at incorrect level: {level + 1} "
                f"in the JSON DOM. Expected at level: {len(shape)}"
            )
        entries.append(_converted(value, dtype))
        return
    if level >= len(shape):
        raise invalid(
            f"Encountered list at unexpected level: {level} expected < {len(shape)}"
        )
    if len(value) != shape[level]:
        raise invalid(
            f"Encountered list at unexpected size: {len(value)} at level: {level} "
            f"expected size: {shape[level]}"
        )
    # The same for the pixels of an image, sooner.
    if dtype == tf.float32 and set(map(type, value)) == {float}:
        if level + 1 == len(shape) and max(value) < 1e38 and min(value) > -1e38:
            return entries.extend(value)
    for entry in value:
        _fill(entry, level + 1, shape, dtype, entries)


def _converted(value, dtype):
    is_int = isinstance(value, int) and not isinstance(value, bool)
    if dtype == tf.string:
        if isinstance(value, dict):
            return _decoded(value)
        if isinstance(value, str):
            return value.encode()
    elif dtype.is_floating and (is_int or isinstance(value, float)):
        # Whole numbers above those that a float counts, and what is too large for it.
        counts = is_int and abs(value) < 2**64
        largest = 2**24 - 1 if counts else float(dtype.max)
        if abs(value) > largest and not math.isinf(value):
            raise invalid(
                f"Cannot convert JSON value: {_shown(value)} to float without loss of "
                "precision."
            )
        return value
    elif dtype.is_integer and is_int and dtype.min <= value <= dtype.max:
        return value
    raise invalid(
        f"JSON Value: {_shown(value)} Type: {_type_name(value)} "
        f"is not of expected type: {'float' if dtype == tf.float32 else dtype.name}"
    )


def _decoded(value):
    if not _is_base64(value):
        raise invalid(
            f"JSON Value: {_shown(value)} not formatted correctly for base64 data"
        )
    # White space is skipped and padding may be missing; it may not be wrong.
    digits = re.sub(r"\s", "", value["b64"])
    found = re.fullmatch(r"([A-Za-z0-9+/]*)([=.]*)", digits)
    padding = -len(found[1]) % 4 if found else 3
    if padding == 3 or len(found[2]) not in (0, padding):
        raise invalid("Unable to base64 decode")
    return base64.b64decode(found[1] + "=" * padding)


def _type_name(value):
    if isinstance(value, bool) or value is None:
        return {None: "Null", True: "True", False: "False"}[value]
    kinds = {dict: "Object", list: "Array", str: "String"}
    return kinds.get(type(value), "Number")


def _shown(value):
    return json.dumps(value, indent=4)[:200]


# === From tensors to JSON ===


def _as_rows(outputs):
    size = None
    for name, array in outputs.items():
        if array.ndim == 0:
            raise invalid(f"Tensor name: {name} has no shape information ")
        if len(array) == 0:
            raise invalid(f"Tensor name: {name} has invalid batch size: 0")
        if size not in (None, len(array)):
            raise invalid(
                f"Tensor name: {name} has inconsistent batch size: {len(array)} "
                f"expecting: {size}"
            )
        size = len(array)
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
