"""What the gRPC test server refuses, and how, after TensorFlow Serving's sources."""

import copy

import numpy as np
import pytest
import tensorflow as tf
from exported import raw_images
from exported import served

grpc = pytest.importorskip("grpc")
grpc_server = pytest.importorskip(
    "grpc_server", reason="tensorflow-serving-api is not installed"
)

from tensorflow_serving.apis import get_model_metadata_pb2  # noqa: E402
from tensorflow_serving.apis import predict_pb2  # noqa: E402
from tensorflow_serving.apis import prediction_service_pb2_grpc  # noqa: E402

pytestmark = pytest.mark.slow  # many traces, or a server


@pytest.fixture(scope="module")
def stub():
    newer = copy.copy(served())
    newer.version = 2
    with grpc_server.GrpcServer([served(), newer], labels={"stable": 1}) as server:
        with grpc.insecure_channel(server.address.removeprefix("grpc://")) as channel:
            yield prediction_service_pb2_grpc.PredictionServiceStub(channel)


def request(signature="classify", inputs=None, outputs=(), **spec):
    inputs = {"images": raw_images(1)} if inputs is None else inputs
    found = predict_pb2.PredictRequest(output_filter=outputs)
    found.model_spec.name = "tiny"
    found.model_spec.signature_name = signature
    for name, value in spec.items():
        if name == "version":
            found.model_spec.version.value = value
        else:
            setattr(found.model_spec, name, value)
    for name, values in inputs.items():
        proto = tf.make_tensor_proto(values, shape=values.shape)
        found.inputs[name].CopyFrom(proto)
    return found


IMAGES = raw_images(1)
INVALID = "INVALID_ARGUMENT"


@pytest.mark.parametrize(
    "wrong, code, message",
    [
        (predict_pb2.PredictRequest(), INVALID, "Missing ModelSpec"),
        (request(name=""), INVALID, "ModelSpec has no name specified."),
        (request(name="no"), "NOT_FOUND", "for request: Latest(no)"),
        (request(version=9), "NOT_FOUND", "for request: Specific(tiny, 9)"),
        (request(version_label="no"), INVALID, "Unrecognized servable version label"),
        (
            request("no"),
            "FAILED_PRECONDITION",
            'Serving signature key "no" not found.',
        ),
        (
            request("explain_class"),
            INVALID,
            "input size does not match signature: 1!=2 len({images}) != "
            "len({images,targets}). Sent extra: {}. Missing but required: {targets}.",
        ),
        (
            request(inputs={"pictures": IMAGES}),
            INVALID,
            "input tensor alias not found in signature: pictures. "
            "Inputs expected to be in the set {images}.",
        ),
        (
            request(outputs=["masks"]),
            INVALID,
            "output tensor alias not found in signature: masks "
            "Outputs expected to be in the set {probabilities}.",
        ),
        (
            request(outputs=["probabilities", "probabilities"]),
            INVALID,
            "duplicate output tensor alias: probabilities",
        ),
        (
            request(inputs={"images": IMAGES.astype("uint8")}),
            INVALID,
            "Expects arg[0] to be float but uint8 is provided",
        ),
    ],
)
def test_wrong_requests(stub, wrong, code, message):
    with pytest.raises(grpc.RpcError) as raised:
        stub.Predict(wrong, timeout=20)
    assert raised.value.code().name == code
    assert message in raised.value.details()


def test_a_tensor_that_is_none(stub):
    wrong = request()
    wrong.inputs["images"].tensor_content = b"short"
    with pytest.raises(grpc.RpcError) as raised:
        stub.Predict(wrong, timeout=20)
    assert raised.value.code().name == INVALID
    assert raised.value.details() == "tensor parsing error: images"


def test_the_answer_names_what_answered(stub):
    answer = stub.Predict(request("", version_label="stable"), timeout=20)
    assert answer.model_spec.name == "tiny" and answer.model_spec.version.value == 1
    assert answer.model_spec.signature_name == "serving_default"
    assert len(answer.outputs) == 5
    answer = stub.Predict(request("", outputs=["scores", "classes"]), timeout=20)
    assert answer.model_spec.version.value == 2
    assert set(answer.outputs) == {"scores", "classes"}
    scores = served().run("serving_default", {"images": IMAGES})["scores"]
    np.testing.assert_allclose(tf.make_ndarray(answer.outputs["scores"]), scores)


def test_metadata(stub):
    wanted = get_model_metadata_pb2.GetModelMetadataRequest(
        metadata_field=["signature_def"]
    )
    wanted.model_spec.name = "tiny"
    found = get_model_metadata_pb2.SignatureDefMap()
    answer = stub.GetModelMetadata(wanted, timeout=20)
    assert answer.metadata["signature_def"].Unpack(found)
    assert found.signature_def["classify"] == served().signatures["classify"]
    for fields, message in ([], "at least one metadata_field"), (["x"], "field x is"):
        wanted.metadata_field[:] = fields
        with pytest.raises(grpc.RpcError) as raised:
            stub.GetModelMetadata(wanted, timeout=20)
        assert raised.value.code().name == INVALID
        assert message in raised.value.details()
