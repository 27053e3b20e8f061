"""All that the package asks of Keras and TensorFlow beyond their public interface.

`tests/test_keras_internals.py` holds each of it against the oldest and the newest
versions, and the other files to public names.
"""

import keras


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
