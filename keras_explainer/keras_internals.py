"""All that the package asks of Keras and TensorFlow beyond their public interface.

`tests/test_keras_internals.py` holds each of it against the oldest and the newest
versions, and the other files to public names.
"""

import math

import keras
import numpy as np
from keras import ops

from keras_explainer import backend


def has_graph(model):
    """Returns whether a functional model computes what its graph says.

    Functional models have no public class, and a subclass with a `call` of its own may
    compute something else than its graph.
    """
    is_model = isinstance(model, keras.Model)
    return is_model and type(model).call.__qualname__ == "Functional.call"


def graph_calls(model):
    """Yields the calls of a functional model, each after those that it needs.

    Only `get_config` tells in public how layers are connected, and it fails for models
    whose layers cannot be saved.

    Args:
        model: A functional `keras.Model`.

    Returns:
        Iterator of tuples of a call's operation, arguments (args, kwargs), and lists of
        its input and output `keras.KerasTensor`s.
    """
    nodes = model._nodes_by_depth
    for depth in sorted(nodes, reverse=True):
        for node in nodes[depth]:
            if not node.is_input:
                arguments = (node.arguments.args, node.arguments.kwargs)
                yield node.operation, arguments, node.input_tensors, node.outputs


def opened(layer, arguments, specs, fixed=False):
    """Returns a functional model of the calls inside a layer that is made of layers.

    In public a layer is called whole. Nothing is left on its layers.

    Args:
        layer: `keras.Layer`, or any operation.
        arguments: Function from the values of tensors to (args, kwargs) of a call.
        specs: Dict from the number of each tensor of the call to its
            `keras.KerasTensor`.
        fixed: Boolean. Whether to open also what then takes tensors of these sizes
            alone, but for that of a batch.

    Returns:
        A functional `keras.Model` from those tensors to the outputs of the call, or
        None for one of Keras's own layers, and for what Keras cannot trace.
    """
    if not _is_made_of_layers(layer):
        return None
    # Parts that return more than tensors can only be traced as one with the whole.
    parts = [(part, len(part._inbound_nodes)) for part in layer._flatten_layers()]
    for call in (layer.call, _with_inlined_parts(layer).call):
        try:
            model = _traced(layer, call, arguments, specs)
            if fixed:
                _open_batches(model)
            return model if _does_the_same(model, layer, arguments, specs) else None
        # What a user's layer makes of tensors without values is its own affair.
        except Exception:
            continue
        finally:
            for part, count in parts:
                del part._inbound_nodes[count:]
    return None


def opened_model(model):
    """Returns the functional model of what a subclassed model does with images.

    Args:
        model: What was given as a classifier.

    Returns:
        A functional `keras.Model` of the same layers, or None unless the model was
        built for images and this gives the same for random ones.
    """
    shape = _built_shape(model)
    if len(shape) != 4:
        return None
    spec = keras.KerasTensor((None, *shape[1:]))
    return opened(model, lambda values: ((values[0],), {}), {0: spec})


def _built_shape(model):
    """Returns the shape of the one batch that a model was called on, or of none."""
    if not isinstance(model, keras.Model):
        return ()
    shape = (model.get_build_config() or {}).get("input_shape")
    is_one = isinstance(shape, (list, tuple)) and all(
        size is None or isinstance(size, int) for size in shape
    )
    return shape if is_one else ()


def _is_made_of_layers(layer):
    of_keras = type(layer).__module__.partition(".")[0] == "keras"
    return not of_keras and bool(inner_layers(layer))


def _traced(layer, call, arguments, specs):
    inputs = {
        number: keras.Input(batch_shape=spec.shape, dtype=spec.dtype)
        for number, spec in specs.items()
    }
    args, kwargs = arguments({n: _as_called(layer, x) for n, x in inputs.items()})
    outputs = keras.tree.flatten(call(*args, **kwargs))
    made = [x for x in outputs if isinstance(x, keras.KerasTensor)]
    return keras.Model(list(inputs.values()), made)


def _open_batches(model):
    """Mends reshapes that got None for the size of a batch while they were traced."""
    for operation in model.operations:
        if None in (getattr(operation, "newshape", None) or ()):
            operation.newshape = _with_open_batch(operation)


def _with_open_batch(reshape):
    """Returns the sizes that a reshape makes, of which only that of a batch is open."""
    sizes = list(reshape.newshape)
    if -1 in sizes:
        others = math.prod(size for size in sizes if size not in (None, -1))
        sizes[sizes.index(-1)] = math.prod(reshape.input.shape[1:]) // others
    return [-1 if size is None else size for size in sizes]


def _with_inlined_parts(layer, name=""):
    """Returns a layer of the same weights whose parts Keras does not see called."""
    copy = _copy(layer, layer.name)
    for key, value in vars(layer).items():
        if isinstance(value, (list, tuple)):
            parts = enumerate(value)
            vars(copy)[key] = [_inlined(x, f"{name}_{key}_{i}") for i, x in parts]
        elif isinstance(value, keras.Layer):
            vars(copy)[key] = _inlined(value, f"{name}_{key}")
    return copy


def _inlined(part, name):
    if not isinstance(part, keras.Layer):
        return part
    if _is_made_of_layers(part):
        return _with_inlined_parts(part, name).call
    return _copy(part, name)  # In a model names are unique.


def _copy(layer, name):
    copy = object.__new__(type(layer))
    vars(copy).update(vars(layer), name=name.strip("_"), _inbound_nodes=[])
    return copy


def _does_the_same(model, layer, arguments, specs):
    """Returns whether what was traced of a layer gives what the layer does."""
    random = np.random.default_rng(0)
    with backend.outside_graph():
        values = {
            number: keras.ops.cast(random.normal(size=_sizes(spec)), spec.dtype)
            for number, spec in specs.items()
        }
        args, kwargs = arguments(values)
        expected = keras.tree.flatten(layer(*args, **kwargs))
        found = keras.tree.flatten(model(list(values.values())))

    def as_floats(x):
        return ops.convert_to_numpy(ops.cast(x, "float32"))

    return all(
        np.allclose(*(as_floats(x) for x in pair), 1e-2, 1e-3)
        for pair in zip(found, expected)
    )


def _sizes(spec):
    """Returns the shape of a batch of two; a constant has no batch."""
    return (spec.shape[0] or 2, *spec.shape[1:])


def _as_called(layer, tensor):
    """Returns a tensor in the precision in which a layer gets it."""
    dtype = getattr(layer, "compute_dtype", None) or tensor.dtype
    is_cast = getattr(layer, "autocast", False) and "float" in tensor.dtype
    is_other = is_cast and dtype != tensor.dtype
    return keras.ops.cast(tensor, dtype) if is_other else tensor


def output_keys(model):
    """Returns the keys of a model that answers by a dict, in the order of `outputs`."""
    structure = getattr(model, "_outputs_struct", None)
    return sorted(structure) if isinstance(structure, dict) else []


def input_keys(model):
    """Returns what a dict of inputs calls them, in the order of `inputs`.

    These are the keys of a model that takes a dict, else the names of its inputs.
    """
    structure = getattr(model, "_inputs_struct", None)
    if isinstance(structure, dict) and len(structure) == len(model.inputs):
        return sorted(structure)
    return [tensor.name for tensor in model.inputs]


def inner_layers(layer):
    """Returns the layers that a layer is made of; in public only models tell them."""
    return list(getattr(layer, "_layers", ()))


def build_metrics(model, shape):
    """Builds the metrics given to `compile` for labels and predictions of one shape.

    In public they are built by data alone.

    Args:
        model: A compiled `keras.Model`.
        shape: Tuple with None for the batch.
    """
    metrics = model._compile_metrics
    if metrics is not None and not metrics.built:
        # Up to Keras 3.10 these would come before their names, or be counted.
        metrics.output_names = None
        rows = keras.KerasTensor(shape)
        metrics.build(rows, rows)


def value_between_steps(model, variable):
    """Returns the value of a variable between two steps of a training.

    On JAX variables get theirs at the end of an epoch; in public all of them at once
    get it before, which takes as long as a step does.

    Args:
        model: `keras.Model` that is trained or evaluated, or not.
        variable: The last of its `non_trainable_variables`, or on another backend any.
    """
    state = _state_between_steps(model)
    if state is None:
        return variable
    return state["non_trainable_variables"][-1]


def set_learning_rate(model, rate):
    """Sets the learning rate of the optimizer between two steps of a training."""
    optimizer = model.optimizer
    state = _state_between_steps(model)
    optimizer.learning_rate = rate
    if state is not None:
        optimizer = getattr(optimizer, "inner_optimizer", optimizer)
        place = [id(v) for v in model.optimizer.variables].index(
            id(optimizer._learning_rate)
        )
        value = ops.convert_to_tensor(rate, "float32")
        state["optimizer_variables"][place] = value


def _state_between_steps(model):
    """Returns what JAX hands from step to step, or None where variables have it."""
    state = getattr(model, "_jax_state", None)
    return None if not state or model._jax_state_synced else state


class BuildsItself:
    """Mixin of models that make all their variables without looking at data.

    Keras builds a model in a `tf.distribute` scope out of its outputs, which may be
    nothing like what the metrics get, and fails with several workers. It has no public
    way to leave that out.
    """

    def build_before_data(self):
        """Builds what is not built yet; called before each training or evaluation."""

    def _maybe_symbolic_build(self, iterator=None, data_batch=None):
        self.build_before_data()


class CloneOf:
    """Stands for the outputs of a model that is being cloned."""

    def __init__(self, model):
        self.model = model


class ClonedWhole:
    """Mixin of functional models of which `clone_model` makes another of their kind.

    Keras clones the layers of a functional model one by one and hands the results to
    the constructor, which is given a `CloneOf` instead. A functional model has no
    public say in how it is cloned.
    """

    def _run_through_graph(self, *args, **kwargs):
        # What `clone_model` runs is defined where it is.
        module = getattr(kwargs.get("operation_fn"), "__module__", None)
        if module == keras.models.clone_model.__module__:
            return CloneOf(self)
        return super()._run_through_graph(*args, **kwargs)


def signature_outputs(path):
    """Returns the names of outputs by signature of a SavedModel, without loading it.

    In public TensorFlow reads no signatures without the weights.

    Args:
        path: String. Path of a SavedModel's folder.

    Returns:
        Dict from the name of a signature to a set of names.
    """
    from tensorflow.python.saved_model.loader_impl import parse_saved_model

    signatures = parse_saved_model(path).meta_graphs[0].signature_def
    return {name: set(signature.outputs) for name, signature in signatures.items()}
