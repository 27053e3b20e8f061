"""The warm-up covers every set of outputs that our own client asks for.

But for the proof of masks, whose graphs would double the time in which a server starts.
"""

import numpy as np
import pytest
import tensorflow as tf
from exported import exported
from exported import file_of
from exported import photograph
from exported import raw_images
from exported import served
from rest_server import RestServer

from keras_explainer.serving.warm_up import WARM_UP_FILE

pytest.importorskip("tenacity", reason="the extra `serving` is not installed")
grpc_server = pytest.importorskip(
    "grpc_server", reason="tensorflow-serving-api is not installed"
)

from tensorflow_serving.apis import prediction_log_pb2  # noqa: E402

from keras_explainer.serving import Client  # noqa: E402

pytestmark = pytest.mark.slow  # many traces, or a server

# A call of each kind for every public method that asks the server.
CALLS = {
    "explain": [(raw_images(1),), (file_of(photograph()),)],
    "explain_class": [(raw_images(1), 0)],
    "classify": [(raw_images(1),)],
}


def warmed():
    """Returns the requests recorded, as tuples of a signature and a set of outputs."""
    found = {}
    for record in tf.data.TFRecordDataset(str(exported() / WARM_UP_FILE)):
        log = prediction_log_pb2.PredictionLog.FromString(record.numpy())
        request = log.predict_log.request
        signature = request.model_spec.signature_name
        outputs = request.output_filter or served().signatures[signature].outputs
        (count,) = {proto.tensor_shape.dim[0].size for proto in request.inputs.values()}
        found.setdefault((signature, frozenset(outputs)), []).append(count)
    return found


def test_every_method_of_the_client_is_called_here():
    methods = {name for name in vars(Client) if not name.startswith("_")}
    assert methods - {"close"} == set(CALLS)


@pytest.mark.parametrize("server", [RestServer, grpc_server.GrpcServer])
def test_what_the_client_asks_for_is_warm(server):
    served().asked.clear()
    with server([served()]) as running:
        with Client(f"{running.address}/v1/models/tiny") as client:
            for name, calls in CALLS.items():
                for arguments in calls:
                    getattr(client, name)(*arguments)
    assert len(served().asked) == 4
    assert served().asked <= set(warmed())


def test_no_set_of_outputs_is_warmed_twice():
    # All outputs of four signatures, and the client's of files; at two batch sizes.
    assert len(warmed()) == 5
    assert all(counts == [1, 2] for counts in warmed().values())


def test_what_is_warmed_is_answered():
    for record in tf.data.TFRecordDataset(str(exported() / WARM_UP_FILE)):
        log = prediction_log_pb2.PredictionLog.FromString(record.numpy())
        request = log.predict_log.request
        inputs = {name: tf.make_ndarray(p) for name, p in request.inputs.items()}
        outputs = list(request.output_filter)
        answer = served().run(request.model_spec.signature_name, inputs, outputs)
        assert list(answer) == outputs or not outputs
        assert all(np.size(array) for array in answer.values())
