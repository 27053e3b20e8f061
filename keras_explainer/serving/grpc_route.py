"""Requests to a model server over gRPC."""

import grpc
import numpy as np
import tensorflow as tf
from tensorflow_serving.apis import predict_pb2
from tensorflow_serving.apis import prediction_service_pb2_grpc

from keras_explainer.serving.serving_error import ServingError


class GrpcRoute:
    """Asks a model server over gRPC.

    Args:
        address: String, "host:port".
        model: String, the name of the model.
        version: Dict of nothing, "version" (int) or "version_label" (string).
        timeout: float, seconds.
        secure: Boolean. Whether the connection is encrypted.
    """

    def __init__(self, address, model, version, timeout, secure):
        # Pictures and masks are larger than what gRPC takes by default, 4 MiB.
        options = [
            ("grpc.max_send_message_length", -1),
            ("grpc.max_receive_message_length", -1),
        ]
        if secure:
            credentials = grpc.ssl_channel_credentials()
            self._channel = grpc.secure_channel(address, credentials, options)
        else:
            self._channel = grpc.insecure_channel(address, options)
        self._stub = prediction_service_pb2_grpc.PredictionServiceStub(self._channel)
        self.model = model
        self.version = version
        self.timeout = timeout

    def predict(self, signature, inputs, outputs):
        """Returns a dict of arrays, one for each name in `outputs`."""
        request = predict_pb2.PredictRequest(output_filter=outputs)
        request.model_spec.name = self.model
        request.model_spec.signature_name = signature
        if "version" in self.version:
            request.model_spec.version.value = self.version["version"]
        elif "version_label" in self.version:
            request.model_spec.version_label = self.version["version_label"]
        for name, values in inputs.items():
            proto = tf.make_tensor_proto(values, shape=values.shape)
            request.inputs[name].CopyFrom(proto)
        try:
            answer = self._stub.Predict(request, timeout=self.timeout)
        except grpc.RpcError as error:
            raise ServingError(error.details(), error.code().name) from error
        return {name: _as_array(name, answer.outputs[name]) for name in outputs}

    def close(self):
        self._channel.close()


def _as_array(name, proto):
    array = tf.make_ndarray(proto)
    if array.dtype != object or name.endswith("_bytes"):
        return array
    return np.vectorize(bytes.decode, otypes=[object])(array)
