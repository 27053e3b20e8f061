"""The PredictionService of TensorFlow Serving by its official stubs, for tests."""

import concurrent.futures
import time

import grpc
import tensorflow as tf
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
    """

    def __init__(self, models, delay=0.0):
        self.service = _PredictionService(models, delay)

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
    def __init__(self, models, delay):
        self.models = {model.name: model for model in models}
        self.delay = delay

    def Predict(self, request, context):
        time.sleep(self.delay)
        spec = request.model_spec
        model = self.models.get(spec.name)
        other = spec.HasField("version") and spec.version.value != model.version
        if model is None or other:
            message = f"Servable not found for request: Latest({spec.name})"
            context.abort(grpc.StatusCode.NOT_FOUND, message)
        inputs = {name: tf.make_ndarray(p) for name, p in request.inputs.items()}
        try:
            answer = model.run(
                spec.signature_name or "serving_default",
                inputs,
                list(request.output_filter),
            )
        except tf.errors.OpError as error:
            context.abort(_CODES[error.error_code], error.message)
        response = predict_pb2.PredictResponse(model_spec=spec)
        response.model_spec.version.value = model.version
        for name, array in answer.items():
            proto = tf.make_tensor_proto(array, shape=array.shape)
            response.outputs[name].CopyFrom(proto)
        return response
