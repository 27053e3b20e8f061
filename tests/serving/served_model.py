"""A SavedModel as TensorFlow Serving runs it: loaded into a session, fed by name."""

import pathlib

import tensorflow as tf
from tensorflow.core.framework import types_pb2
from tensorflow.core.protobuf import config_pb2


class ServedModel:
    """One version of a model.

    Args:
        path: Path of a version folder.
        name: String, the name it is served under.
    """

    def __init__(self, path, name):
        self.name = name
        self.version = int(pathlib.Path(path).name)
        # Exceptions that requests meet instead of an answer, one after the other.
        self.faults = []
        # What it was asked: tuples of a signature and the set of its outputs.
        self.asked = set()
        self.graph = tf.Graph()
        with self.graph.as_default():
            self.session = tf.compat.v1.Session()
            loaded = tf.compat.v1.saved_model.load(self.session, ["serve"], str(path))
        self.signatures = dict(loaded.signature_def)
        self._runs = {}

    def run(self, signature, inputs, outputs=()):
        """Returns a dict of arrays; errors are those of the server's `RunPredict`."""
        if self.faults:
            raise self.faults.pop(0)
        signature = signature or "serving_default"
        if signature not in self.signatures:
            message = f'Serving signature key "{signature}" not found.'
            raise tf.errors.FailedPreconditionError(None, None, message)
        definition = self.signatures[signature]
        _check_names(inputs, outputs, definition)
        self.asked.add((signature, frozenset(outputs or definition.outputs)))
        _check_types(inputs, definition)
        names, run = self._callable(signature)
        values = run(*(inputs[name] for name in sorted(definition.inputs)))
        answer = dict(zip(names, values))
        return {name: answer[name] for name in outputs or names}

    def definition(self, signature):
        """Returns a signature, as REST looks it up to read what it is sent."""
        signature = signature or "serving_default"
        if signature not in self.signatures:
            raise invalid(
                f'Serving signature name: "{signature}" not found in signature def'
            )
        return self.signatures[signature]

    def _callable(self, signature):
        """A function that feeds without the checks that only Python makes."""
        if signature not in self._runs:
            definition = self.signatures[signature]
            names = sorted(definition.outputs)
            feeds = [definition.inputs[name].name for name in sorted(definition.inputs)]
            fetches = [definition.outputs[name].name for name in names]
            options = config_pb2.CallableOptions(feed=feeds, fetch=fetches)
            run = self.session._make_callable_from_options(options)
            self._runs[signature] = names, run
        return self._runs[signature]


def _check_names(inputs, outputs, definition):
    sent, required = set(inputs), set(definition.inputs)
    if len(sent) != len(required):
        raise invalid(
            f"input size does not match signature: {len(sent)}!={len(required)} "
            f"len({_braced(sent)}) != len({_braced(required)}). "
            f"Sent extra: {_braced(sent - required)}. "
            f"Missing but required: {_braced(required - sent)}."
        )
    for name in sent - required:
        raise invalid(
            f"input tensor alias not found in signature: {name}. "
            f"Inputs expected to be in the set {_braced(required)}."
        )
    for i, name in enumerate(outputs):
        if name not in definition.outputs:
            raise invalid(
                f"output tensor alias not found in signature: {name} "
                f"Outputs expected to be in the set {_braced(definition.outputs)}."
            )
        if name in outputs[:i]:
            raise invalid(f"duplicate output tensor alias: {name}")


def _check_types(inputs, definition):
    """What `Session::Run` checks and a callable says in other words."""
    for i, name in enumerate(sorted(definition.inputs)):
        types = definition.inputs[name].dtype, tf.as_dtype(inputs[name].dtype)
        required, sent = (tf.as_dtype(t).as_datatype_enum for t in types)
        if sent != required:
            kinds = [types_pb2.DataType.Name(n)[3:].lower() for n in (required, sent)]
            raise invalid(
                f"Expects arg[{i}] to be {kinds[0]} but {kinds[1]} is provided"
            )


def _braced(names):
    return "{" + ",".join(sorted(names)) + "}"


def chosen(models, labels, name, version=None, label=None):
    """Returns the model that a request means.

    Args:
        models: List of `ServedModel`.
        labels: Dict of versions by label.
        name: String, the name of a model.
        version: int, or None for the newest.
        label: String, or None.
    """
    if not name:
        raise invalid("ModelSpec has no name specified.")
    if label is not None:
        if label not in labels:
            raise invalid(f"Unrecognized servable version label: {label}")
        version = labels[label]
    named = [model for model in models if model.name == name]
    found = [model for model in named if version in (None, model.version)]
    if not found:
        wanted = (
            f"Latest({name})" if version is None else f"Specific({name}, {version})"
        )
        message = f"Servable not found for request: {wanted}"
        raise tf.errors.NotFoundError(None, None, message)
    return max(found, key=lambda model: model.version)


def invalid(message):
    return tf.errors.InvalidArgumentError(None, None, message)
