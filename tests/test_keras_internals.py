"""What Keras and TensorFlow do behind their public interface is as the package needs.

Run with the oldest and the newest versions: what changed there fails here by name.
"""

import ast
import pathlib
import re
import types

import keras
import numpy as np
import pytest
import tensorflow as tf
import token_classifiers
from keras import layers

from keras_explainer import keras_internals
from keras_explainer.backend import replicas

PACKAGE = pathlib.Path(keras_internals.__file__).parent
# Private, but of Python itself.
PYTHONS = {"_asdict", "_fields", "_replace", "_actions", "_exit"}
MODULES = re.compile(r"(keras\.src|keras\._\w+|tensorflow\.(python|core|compiler))\b")


# === The other files ===


def trees():
    return {p: ast.parse(p.read_text()) for p in sorted(PACKAGE.rglob("*.py"))}


def defined(tree):
    """Yields the private names that code defines, of objects and in its own scope."""
    for node in ast.walk(tree):
        if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
            yield node.name
        elif isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store):
            yield node.attr
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node.id


def foreign(tree, own, of_keras):
    """Yields what code takes from Keras and TensorFlow that is not public.

    Args:
        tree: The code.
        own: Set of the private names that the package defines.
        of_keras: Set of the private names of Keras's own objects.
    """
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and re.match("_[a-z]", node.attr):
            if node.attr not in (own - of_keras) | PYTHONS:
                yield node.attr
        elif isinstance(node, ast.ClassDef):
            methods = [part.name for part in node.body if hasattr(part, "name")]
            yield from (name for name in methods if name in of_keras)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield from {node.value} & of_keras
        elif isinstance(node, (ast.Import, ast.ImportFrom)):
            modules = [alias.name for alias in node.names]
            if isinstance(node, ast.ImportFrom):
                modules = [f"{node.module}.{name}" for name in modules]
            yield from (module for module in modules if MODULES.match(module))


def private_names_of_keras():
    model = keras.Sequential([keras.Input((2,)), layers.Dense(1)])
    model.compile("sgd", "mse")
    objects = (
        model,
        keras.Model(model.inputs, model.outputs),
        model.layers[0],
        model.inputs[0],
        keras.metrics.Mean(),
        keras.losses.MeanSquaredError(),
        keras.callbacks.Callback(),
        keras.optimizers.SGD(),
    )
    names = {name for thing in objects for name in dir(thing)}
    return {name for name in names if re.match("_[a-z]", name)}


def test_no_other_file_takes_what_is_not_public():
    of_keras, code = private_names_of_keras(), trees()
    assert {"_nodes_by_depth", "_layers", "_compile_metrics"} <= of_keras
    own = {name for tree in code.values() for name in defined(tree)}
    found = {
        path.name: set(foreign(tree, own, of_keras)) for path, tree in code.items()
    }
    assert len(found.pop("keras_internals.py")) >= 5
    assert not {name: names for name, names in found.items() if names}


@pytest.mark.parametrize(
    "code",
    [
        "model._nodes_by_depth",
        "self._loss_tracker",
        "self._layers = []",
        "strategy.extended._in_multi_worker_mode()",
        "getattr(layer, '_layers', None)",
        "class A(keras.Model):\n  def _maybe_symbolic_build(self): pass",
        "from keras.src.models import cloning",
        "from tensorflow.python.saved_model.loader_impl import parse_saved_model",
        "import keras.src",
    ],
)
def test_what_is_not_public_is_seen(code):
    tree = ast.parse(code)
    assert list(foreign(tree, set(defined(tree)), private_names_of_keras()))


# === What the one file takes ===


def two_branches():
    images = keras.Input((4, 4, 3), name="images")
    left = layers.Conv2D(2, 1, name="left")(images)
    right = layers.Conv2D(2, 1, name="right")(images)
    return keras.Model(images, layers.Add(name="both")([left, right]))


class OwnCall(keras.Model):
    """A functional model that computes something else than its graph."""

    def call(self, inputs):
        return 0.0


def test_functional_models_that_run_their_graph_are_told_from_others():
    model = two_branches()
    assert keras_internals.has_graph(model)
    assert not keras_internals.has_graph(OwnCall(model.inputs, model.outputs))
    assert not keras_internals.has_graph(layers.Dense(1))
    assert not keras_internals.has_graph(keras.Sequential([layers.Dense(1)]))


def test_calls_come_after_those_that_they_need():
    calls = list(keras_internals.graph_calls(two_branches()))
    assert [call[0].name for call in calls][-1] == "both" and len(calls) == 3
    operation, (args, kwargs), inputs, outputs = calls[-1]
    assert [id(t) for t in inputs] == [id(call[3][0]) for call in calls[:2]]
    assert [id(t) for t in args[0]] == [id(t) for t in inputs] and kwargs == {}
    assert [tuple(t.shape) for t in outputs] == [(None, 4, 4, 2)]


class Pair(layers.Layer):
    def __init__(self):
        super().__init__()
        self.first, self.second = layers.Dense(1), layers.Dense(2)


def test_outputs_of_a_dict_have_keys():
    images = keras.Input((4,))
    answers = {name: layers.Dense(3, name=f"of_{name}")(images) for name in "ba"}
    model = keras.Model(images, answers)
    keys = keras_internals.output_keys(model)
    assert [f"of_{key}" for key in keys] == model.output_names
    assert keras_internals.output_keys(keras.Model(images, answers["a"])) == []


def test_a_layer_tells_its_inner_layers():
    pair = Pair()
    assert keras_internals.inner_layers(pair) == [pair.first, pair.second]
    assert keras_internals.inner_layers(layers.Dense(1)) == []
    assert keras_internals.inner_layers(lambda images: images) == []


def test_a_layer_of_layers_is_opened_and_left_as_it_was():
    encoder, spec = token_classifiers.Encoder(), keras.KerasTensor((None, 9, 16))
    values = np.random.default_rng(0).normal(size=(2, 9, 16)).astype("float32")
    expected, _ = encoder(values)
    inside = keras_internals.opened(encoder, lambda v: ((v[0],), {}), {0: spec})
    kinds = [type(call[0]) for call in keras_internals.graph_calls(inside)]
    assert kinds.count(layers.MultiHeadAttention) == 3
    np.testing.assert_allclose(inside([values])[0], expected, atol=1e-6)
    assert not any(part._inbound_nodes for part in encoder._flatten_layers())


class OfOneBatch(layers.Layer):
    """What Keras traces, but for batches of another size than two."""

    def __init__(self):
        super().__init__()
        self.dense = layers.Dense(3)

    def call(self, x):
        return self.dense(x) * (2.0 if x.shape[0] == 2 else 1.0)


def test_a_layer_that_does_something_else_when_it_is_called_stays_whole():
    layer, spec = OfOneBatch(), keras.KerasTensor((None, 3))
    layer(np.ones((1, 3), "float32"))
    assert keras_internals.opened(layer, lambda v: ((v[0],), {}), {0: spec}) is None
    attention = layers.MultiHeadAttention(1, 2)
    arguments = lambda v: ((v[0], v[0]), {})  # noqa: E731
    assert keras_internals.opened(attention, arguments, {0: spec}) is None


class OwnKind(keras_internals.ClonedWhole, keras_internals.BuildsItself, keras.Model):
    """A model whose step compares other things than its outputs."""

    def __init__(self, *args, **kwargs):
        clones = [a.model for a in args if isinstance(a, keras_internals.CloneOf)]
        self.is_clone_of = clones[0] if clones else None
        model = two_branches()
        super().__init__(model.inputs, model.outputs)
        self.built_before_data = 0

    def build_before_data(self):
        self.built_before_data += 1
        keras_internals.build_metrics(self, (None, 3))

    def test_step(self, data):
        rows = tf.ones((2, 3))
        return self.compute_metrics(data, rows, rows)


def test_metrics_are_built_for_the_shape_told_and_no_data_is_looked_at():
    model = OwnKind()
    metric = keras.metrics.AUC(multi_label=True)
    model.compile("sgd", metrics=[metric])
    model.evaluate(np.ones((2, 4, 4, 3), "float32"), verbose=0)
    assert model.built_before_data == 1
    assert metric.true_positives.shape == (200, 3)
    keras_internals.build_metrics(model, (None, 5))  # They are built: as they are.
    assert metric.true_positives.shape == (200, 3)


def test_a_model_without_metrics_is_built_all_the_same():
    model = OwnKind()
    model.compile("sgd")
    keras_internals.build_metrics(model, (None, 3))
    model.train_step = lambda data: {"loss": tf.zeros(())}
    model.fit(np.ones((2, 4, 4, 3), "float32"), verbose=0)
    assert model.built_before_data == 1


def test_a_clone_is_made_by_the_constructor_of_its_kind():
    model = OwnKind()
    clone = keras.models.clone_model(model)
    assert type(clone) is OwnKind and clone.is_clone_of is model
    # Any other run of the graph computes.
    images = np.ones((2, 4, 4, 3), "float32")
    assert tf.nest.flatten(clone([images]))[0].shape == (2, 4, 4, 2)
    symbolic = tf.nest.flatten(clone([keras.Input((4, 4, 3))]))
    assert symbolic[0].shape == (None, 4, 4, 2)


def test_signatures_are_read_without_the_weights(tmp_path):
    module = tf.Module()
    module.double = tf.function(
        lambda x: {"twice": 2 * x}, input_signature=[tf.TensorSpec((None,))]
    )
    signatures = {"serving_default": module.double}
    tf.saved_model.save(module, str(tmp_path), signatures=signatures)
    (tmp_path / "variables" / "variables.index").unlink(missing_ok=True)
    outputs = keras_internals.signature_outputs(str(tmp_path))
    assert outputs["serving_default"] == {"twice"}


def test_one_process_is_told_from_several():
    for strategy in (
        tf.distribute.get_strategy(),
        tf.distribute.MirroredStrategy(["CPU:0"]),
    ):
        explainer = types.SimpleNamespace(distribute_strategy=strategy)
        assert not replicas.in_several_processes(explainer)
