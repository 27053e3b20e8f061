"""Requests to a model server over gRPC."""

import re

import grpc
import numpy as np
import tensorflow as tf
from google.protobuf import json_format
from tensorflow_serving.apis import get_model_metadata_pb2
from tensorflow_serving.apis import predict_pb2
from tensorflow_serving.apis import prediction_service_pb2_grpc

from keras_explainer.serving.serving_error import ServingError
from keras_explainer.serving.serving_error import no_answer
from keras_explainer.serving.serving_error import no_server

# The library's own words; nothing else tells them from a server's.
_NO_SERVER = re.compile("failed to connect|resolving|resolution|all backends", re.I)


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
        self.address = f"{'grpcs' if secure else 'grpc'}://{address}/v1/models/{model}"
        self.model = model
        self.version = version
        self.timeout = timeout

    def predict(self, signature, inputs, outputs):
        """Returns a dict of arrays, one for each name in `outputs`."""
        request = predict_pb2.PredictRequest(output_filter=outputs)
        request.model_spec.signature_name = signature
        for name, values in inputs.items():
            proto = tf.make_tensor_proto(values, shape=values.shape)
            request.inputs[name].CopyFrom(proto)
        answer = self._ask(self._stub.Predict, request)
        return {name: _as_array(name, answer.outputs[name]) for name in outputs}

    def signatures(self):
        """Returns the served signatures, as REST has them in its metadata."""
        request = get_model_metadata_pb2.GetModelMetadataRequest(
            metadata_field=["signature_def"]
        )
        answer = self._ask(self._stub.GetModelMetadata, request)
        signatures = get_model_metadata_pb2.SignatureDefMap()
        answer.metadata["signature_def"].Unpack(signatures)
        found = json_format.MessageToDict(signatures, preserving_proto_field_name=True)
        return found["signature_def"]

    def close(self):
        self._channel.close()

    def _ask(self, method, request):
        spec = request.model_spec
        spec.name = self.model
        if "version" in self.version:
            spec.version.value = self.version["version"]
        elif "version_label" in self.version:
            spec.version_label = self.version["version_label"]
        try:
            return method(request, timeout=self.timeout)
        except grpc.RpcError as error:
            code, message = error.code().name, error.details()
            if code == "UNAVAILABLE" and _NO_SERVER.search(message):
                raise no_server(self.address) from None
            if code == "DEADLINE_EXCEEDED" and message == "Deadline Exceeded":
                raise no_answer(self.address, self.timeout) from None
            raise ServingError(message, code) from error


def _as_array(name, proto):
    array = tf.make_ndarray(proto)
    if array.dtype != object or name.endswith("_bytes"):
        return array
    return np.vectorize(bytes.decode, otypes=[object])(array)
