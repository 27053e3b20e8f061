"""Warm-up requests: what a server runs before it takes a new version into service."""

import numpy as np
import tensorflow as tf

from keras_explainer.serving.client_outputs import client_outputs

# Where TensorFlow Serving looks for them, inside a version folder.
WARM_UP_FILE = "assets.extra/tf_serving_warmup_requests"


def warm_up_requests(image_size, batch_sizes, signatures):
    """Returns tuples of a signature's name, its inputs, and the outputs asked for.

    Every signature is asked for all its outputs, as a request without a filter is,
    and for those that our own client takes, where they are others. Not so the two that
    verify masks: their graphs would double the time in which a server starts, so the
    first request to each waits for that instead.

    Args:
        image_size: Tuple of height and width in pixels.
        batch_sizes: List of ints.
        signatures: Dict of concrete functions, as from `make_signatures`.

    Returns:
        List of tuples: a string, a dict of arrays, and a tuple of strings that is
        empty if there is no filter.
    """
    grey = np.full((*image_size, 3), 128, "uint8")
    files = [tf.io.encode_jpeg(grey).numpy(), tf.io.encode_png(grey).numpy()]
    requests = []
    for size in batch_sizes:
        images = np.full((size, *image_size, 3), 128, "float32")
        image_bytes = np.array([files[i % 2] for i in range(size)], object)
        targets = np.zeros(size, "int32")
        for signature, inputs in {
            "serving_default": {"images": images},
            "explain_bytes": {"image_bytes": image_bytes},
            "explain_class": {"images": images, "targets": targets},
            "classify": {"images": images},
        }.items():
            inputs |= _blanks(signatures[signature], inputs, size)
            requests.append((signature, inputs, ()))
            given = set(signatures[signature].structured_outputs)
            for relevance in (False, True):
                outputs = client_outputs(signature, relevance)
                if set(outputs) < given:
                    requests.append((signature, inputs, outputs))
    return requests


def _blanks(signature, inputs, size):
    """Returns zeros for the inputs of a signature that are not there yet."""
    specs = signature.structured_input_signature[0]
    return {
        spec.name: np.zeros((size, *(n or 1 for n in spec.shape[1:])), spec.dtype.name)
        for spec in specs
        if spec.name not in inputs
    }


def write_warm_up(requests, path):
    """Writes requests as a TFRecord file of `PredictionLog`.

    Args:
        requests: As from `warm_up_requests`; uniform arrays take a few bytes.
        path: Path of the file; its folder is made.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with tf.io.TFRecordWriter(str(path)) as writer:
        for request in requests:
            writer.write(_prediction_log(*request))


# The few messages needed of tensorflow_serving/apis, so that an export does not need
# that package: only strings and nested messages, numbered as in the .proto files.


def _prediction_log(signature, inputs, outputs):
    request = _field(1, _field(3, signature.encode()))  # PredictRequest.model_spec
    for name, values in inputs.items():
        entry = _field(1, name.encode()) + _field(2, _tensor_proto(values))
        request += _field(2, entry)  # PredictRequest.inputs
    for name in outputs:
        request += _field(3, name.encode())  # PredictRequest.output_filter
    return _field(6, _field(1, request))  # PredictionLog.predict_log.request


def _field(number, content):
    length, digits = len(content), bytearray()
    while length > 127:
        digits.append(length & 127 | 128)
        length >>= 7
    return bytes([number << 3 | 2, *digits, length]) + content


def _tensor_proto(values):
    if values.dtype != object and values.size and np.all(values == values.flat[0]):
        # A single value stands for all.
        proto = tf.make_tensor_proto(values.flat[0], shape=values.shape)
    else:
        proto = tf.make_tensor_proto(values, shape=values.shape)
    return proto.SerializeToString()
