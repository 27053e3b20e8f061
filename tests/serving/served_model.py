"""A SavedModel as TensorFlow Serving runs it: loaded into a session, fed by name."""

import pathlib

import tensorflow as tf
from tensorflow.core.protobuf import config_pb2


class ServedModel:
    """The newest version below a folder, or one version.

    Args:
        path: Path of a version folder.
        name: String, the name it is served under.
    """

    def __init__(self, path, name):
        self.name = name
        self.version = int(pathlib.Path(path).name)
        # Exceptions that requests meet instead of an answer, one after the other.
        self.faults = []
        self.graph = tf.Graph()
        with self.graph.as_default():
            self.session = tf.compat.v1.Session()
            loaded = tf.compat.v1.saved_model.load(self.session, ["serve"], str(path))
        self.signatures = dict(loaded.signature_def)
        self._runs = {}

    def run(self, signature, inputs, outputs=()):
        """Returns a dict of arrays; errors are those of the C++ session."""
        if self.faults:
            raise self.faults.pop(0)
        definition = self.definition(signature)
        if set(inputs) != set(definition.inputs):
            raise tf.errors.InvalidArgumentError(
                None,
                None,
                "input size does not match signature: sent "
                f"{sorted(inputs)}, required {sorted(definition.inputs)}",
            )
        names, run = self._callable(signature)
        values = run(*(inputs[name] for name in sorted(definition.inputs)))
        answer = dict(zip(names, values))
        return {name: answer[name] for name in outputs or names}

    def definition(self, signature):
        signature = signature or "serving_default"
        if signature not in self.signatures:
            raise tf.errors.InvalidArgumentError(
                None,
                None,
                f'Serving signature name: "{signature}" not found in signature def',
            )
        return self.signatures[signature]

    def _callable(self, signature):
        """A function that feeds without the checks that only Python makes."""
        signature = signature or "serving_default"
        if signature not in self._runs:
            definition = self.definition(signature)
            names = sorted(definition.outputs)
            feeds = [definition.inputs[name].name for name in sorted(definition.inputs)]
            fetches = [definition.outputs[name].name for name in names]
            options = config_pb2.CallableOptions(feed=feeds, fetch=fetches)
            run = self.session._make_callable_from_options(options)
            self._runs[signature] = names, run
        return self._runs[signature]
