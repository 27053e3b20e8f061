"""The PredictionService of TensorFlow Serving by its official stubs, for tests."""

import concurrent.futures
import time

import grpc
import tensorflow as tf
from served_model import chosen
from served_model import invalid
from tensorflow_serving.apis import get_model_metadata_pb2
from tensorflow_serving.apis import predict_pb2
from tensorflow_serving.apis import prediction_service_pb2_grpc

_CODES = {code.value[0]: code for code in grpc.StatusCode}
_LARGE = [
    ("grpc.max_send_message_length", -1),
    ("grpc.max_receive_message_length", -1),
]


class GrpcServer:
    """Serves models on a free port of the loopback, inside a `with` block.

    Args:
        models: List of `ServedModel`.
        delay: float. Seconds that every answer takes longer.
        labels: Dict of versions by label.
    """

    def __init__(self, models, delay=0.0, labels=None):
        self.service = _PredictionService(models, delay, labels or {})

    def __enter__(self):
        pool = concurrent.futures.ThreadPoolExecutor(8)
        self._server = grpc.server(pool, options=_LARGE)
        prediction_service_pb2_grpc.add_PredictionServiceServicer_to_server(
            self.service, self._server
        )
        port = self._server.add_insecure_port("127.0.0.1:0")
        self.address = f"grpc://127.0.0.1:{port}"
        self._server.start()
        return self

    def __exit__(self, *error):
        self._server.stop(None).wait()


class _PredictionService(prediction_service_pb2_grpc.PredictionServiceServicer):
    def __init__(self, models, delay, labels):
        self.models = models
        self.delay = delay
        self.labels = labels

    def Predict(self, request, context):
        return self._answer(self._predict, request, context)

    def GetModelMetadata(self, request, context):
        return self._answer(self._metadata, request, context)

    def _answer(self, method, request, context):
        time.sleep(self.delay)
        try:
            if not request.HasField("model_spec"):
                raise invalid("Missing ModelSpec")
            return method(request)
        except tf.errors.OpError as error:
            context.abort(_CODES[error.error_code], error.message)

    def _model(self, spec):
        version = spec.version.value if spec.HasField("version") else None
        label = spec.version_label if spec.HasField("version_label") else None
        return chosen(self.models, self.labels, spec.name, version, label)

    def _predict(self, request):
        spec = request.model_spec
        model = self._model(spec)
        inputs = {name: _array(name, p) for name, p in request.inputs.items()}
        answer = model.run(spec.signature_name, inputs, list(request.output_filter))
        response = predict_pb2.PredictResponse()
        response.model_spec.name = spec.name
        response.model_spec.version.value = model.version
        response.model_spec.signature_name = spec.signature_name or "serving_default"
        for name, array in answer.items():
            proto = tf.make_tensor_proto(array, shape=array.shape)
            response.outputs[name].CopyFrom(proto)
        return response

    def _metadata(self, request):
        if not request.metadata_field:
            raise invalid(
                "GetModelMetadataRequest must specify at least one metadata_field"
            )
        for field in request.metadata_field:
            if field != "signature_def":
                raise invalid(f"Metadata field {field} is not supported")
        model = self._model(request.model_spec)
        response = get_model_metadata_pb2.GetModelMetadataResponse()
        response.model_spec.name = model.name
        response.model_spec.version.value = model.version
        signatures = get_model_metadata_pb2.SignatureDefMap()
        for name, definition in model.signatures.items():
            signatures.signature_def[name].CopyFrom(definition)
        response.metadata["signature_def"].Pack(signatures)
        return response


def _array(name, proto):
    try:
        return tf.make_ndarray(proto)
    except (TypeError, ValueError):
        raise invalid(f"tensor parsing error: {name}") from None
