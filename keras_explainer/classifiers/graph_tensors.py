"""What is known of a tensor of a graph: whether all paths cross it, and its grid."""

import math

import keras

# Borders added for a strided convolution: the map before them is the one to read.
_PADDING = (keras.layers.ZeroPadding2D, keras.layers.Cropping2D)


def tensors_on_every_path(graph, target):
    """Returns the tensors that every path from the input to `target` passes through.

    Args:
        graph: `LayerGraph`.
        target: int. Number of a tensor.

    Returns:
        List of tensor numbers, in order; not the input.
    """
    calls, derived = [], {graph.input}
    for call in graph.calls_between({graph.input}, [target]):
        if derived.intersection(call.inputs):  # Not what is made of constants.
            calls.append(call)
            derived.update(call.outputs)
    last_use = {t: i for i, call in enumerate(calls) for t in call.inputs}
    last_use[target] = len(calls)
    found, open_until = [], last_use.get(graph.input, 0)
    for i, call in enumerate(calls):
        used = [t for t in call.outputs if t in last_use]
        if open_until <= i and len(used) == 1:
            found += used
        open_until = max([open_until, *(last_use[t] for t in used)])
    return found


def is_map(graph, tensor):
    """Returns whether a tensor is a spatial map, and not one with a border added."""
    if not graph.is_spatial(tensor):
        return False
    operation = graph.producers[tensor].operation
    # `keras.ops.pad` adds what need not even be finite.
    return not isinstance(operation, _PADDING) and type(operation).__name__ != "Pad"


def has_weights_before(graph, tensor):
    """Returns whether layers with weights, not a normalisation, make a tensor."""
    calls = graph.calls_between({graph.input}, [tensor])
    return any(
        getattr(call.operation, "trainable_variables", None)
        or getattr(call.operation, "weights", None)
        and not isinstance(call.operation, keras.layers.Normalization)
        for call in calls
    )


def stride_of(graph, tensor):
    """Returns how many pixels one cell of a map spans, as a power of two."""
    return stride_of_size(graph, graph.shape(tensor)[1:3])


def stride_of_size(graph, size):
    """Returns how many pixels a cell spans of a grid (height, width) of cells."""
    image = graph.shape(graph.input)[1:3]
    ratio = math.sqrt(math.prod(image) / math.prod(size))
    return 2 ** max(0, round(math.log2(ratio)))
