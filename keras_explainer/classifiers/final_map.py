"""Finding the final feature map of a classifier, and saying why there is none."""

import difflib
import math

import numpy as np
from keras import ops

from keras_explainer import backend
from keras_explainer.classifiers.graph_tensors import has_weights_before
from keras_explainer.classifiers.graph_tensors import is_map
from keras_explainer.classifiers.graph_tensors import tensors_on_every_path
from keras_explainer.classifiers.opaque_call import OpaqueCall
from keras_explainer.classifiers.token_maps import GridOfTokens
from keras_explainer.classifiers.token_maps import grids_before_pooling
from keras_explainer.classifiers.token_maps import is_read
from keras_explainer.classifiers.token_maps import lay_out
from keras_explainer.keras_internals import inner_layers

# What explains a classifier that has no feature map.
_WITHOUT_MAP = (
    "by `ExplainerModel(classifier, encoder=backbone)` and by attribution methods "
    "other than Grad-CAM"
)


def find_final_map(graph):
    """Returns the last spatial map that every path to the output passes through.

    The tensors are (N, H, W, C) maps larger than 1x1: the input of global pooling or
    flattening, whatever follows it. A map behind a tensor without places, such as one
    enlarged from 1x1, does not count. Where the features are tokens, the map is laid
    out of the last ones whose patches the answer depends on.

    Args:
        graph: `LayerGraph`.

    Returns:
        The number of the tensor in the graph.

    Raises:
        ValueError: If the classifier has no such map, or goes on with tokens that mix
            its cells and are no grid of patches.
    """
    found = _final_map(graph)
    if found is None or _hides_more(graph, found):
        graph.open_layers()
        found = _final_map(graph)
    if found is not None and not _mixes_cells(graph, found):
        return found
    problem = _mixed_problem(graph, found) if found else _no_map_problem(graph)
    grid = _last_token_grid(graph)
    if grid is None:
        raise ValueError(problem)
    return lay_out(graph, grid)


def _final_map(graph):
    found = None
    for tensor in tensors_on_every_path(graph, graph.output):
        shape = graph.shape(tensor)
        if is_map(graph, tensor) and has_weights_before(graph, tensor):
            found = tensor
        elif found is not None and (len(shape) <= 2 or set(shape[1:-1]) == {1}):
            break
    return found


def grid_of_map(graph, final_map):
    """Returns how many tokens of no place a map has, its height and its width."""
    operation = graph.producers[final_map].operation
    prefix = operation.prefix if isinstance(operation, GridOfTokens) else 0
    return prefix, *graph.shape(final_map)[1:3]


def map_before_pooling(graph, final_map):
    """Returns the map that a final map is pooled from, if layers do no more to it.

    Args:
        graph: `LayerGraph`.
        final_map: int. Number of the final feature map.

    Returns:
        The number of the map that the last layer with weights, and its activation,
        made: `final_map` itself unless that was pooled since.
    """
    found = tensor = final_map
    while tensor in graph.producers:
        call = graph.producers[tensor]
        if getattr(call.operation, "weights", None) or len(call.inputs) != 1:
            break
        (source,) = call.inputs
        if not is_map(graph, source) or not has_weights_before(graph, source):
            break
        if math.prod(graph.shape(source)[1:3]) > math.prod(graph.shape(tensor)[1:3]):
            found = source
        tensor = source
    return found


def map_of_layer(graph, name, target):
    """Returns the map that a layer of a given name makes.

    Args:
        graph: `LayerGraph`.
        name: String. Name of a layer; of several calls, the last is taken.
        target: int. Number of a tensor that shall be made of the map.

    Returns:
        The number of the map in the graph.

    Raises:
        ValueError: If there is no such map.
    """
    maps = {
        call.operation.name: tensor
        for call in graph.calls_between({graph.input}, [target])
        for tensor in call.outputs
        if graph.is_spatial(tensor) and has_weights_before(graph, tensor)
    }
    if name not in maps:
        near = difflib.get_close_matches(str(name), maps, n=1) or list(maps)[-1:]
        hint = f", such as {near[0]!r}" if near else ", of which it has none"
        raise ValueError(
            "Argument `layer` should be the name of a layer of the classifier that "
            f"makes a feature map (N, H, W, C) larger than 1x1{hint}. "
            f"Received: {name!r}"
        )
    return maps[name]


def _last_token_grid(graph):
    """Returns the last `TokenGrid` that the answer is made of, or None."""
    graph.open_layers()
    grids = reversed(grids_before_pooling(graph))
    return next((grid for grid in grids if is_read(graph, grid)), None)


def _mixes_cells(graph, final_map):
    """Returns whether layers behind a map work on tokens that know several cells.

    Attention that only pools does not: its layers see each cell alone.
    """
    tokens = [
        call.outputs[0]
        for call in graph.calls_between({final_map}, [graph.output])
        if getattr(call.operation, "weights", None)
        and len(graph.shape(call.outputs[0])) == 3
        and graph.shape(call.outputs[0])[1] != 1
    ]
    if not tokens:
        return False
    spec = graph.specs[final_map]
    height, width, channels = spec.shape[1:]
    random = np.random.default_rng(0)
    maps = np.repeat(random.normal(size=(1, height, width, channels)), 2, axis=0)
    maps[1, height // 2, width // 2] = random.normal(size=channels)
    with backend.outside_graph():
        found = graph.run({final_map: ops.cast(maps, spec.dtype)}, tokens)
        for one, other in (ops.convert_to_numpy(ops.cast(t, "float32")) for t in found):
            change = np.abs(other - one).max(axis=-1)
            if (change > 1e-4 * change.max()).sum() > 1:
                return True
    return False


def _mixed_problem(graph, final_map):
    return (
        "Argument `classifier` should have a spatial feature map of shape (N, H, W, C) "
        "before its pooling or flattening, or tokens (N, T, D) of square patches of "
        "images of a fixed size, after at most five others; without them it is "
        f"explained {_WITHOUT_MAP}. Received: a classifier whose last map, of shape "
        f"{graph.shape(final_map)}, becomes tokens that are mixed"
    )


def _no_map_problem(graph):
    """Says why no final map was found, and what mends it where that is known."""
    expected = (
        "Argument `classifier` should have a spatial feature map of shape (N, H, W, "
        "C), larger than 1x1 and made by layers with weights, before its pooling or "
        "flattening, that every path passes through"
    )
    received = f"Received: a classifier with input shape {graph.shape(graph.input)}"
    for call in graph.calls:
        if _hides_maps(graph, call):
            layer = call.operation
            return (
                f"{expected}; the maps of '{layer.name}' show once "
                "`keras.Model(images, layer.call(images))` opens it, with the same "
                f"scores; till then it is explained {_WITHOUT_MAP}. "
                f"{received}, whose layer '{layer.name}' ({type(layer).__name__}) "
                "hides its maps"
            )
    maps = (c.outputs[0] for c in graph.calls if is_map(graph, c.outputs[0]))
    if any(has_weights_before(graph, tensor) for tensor in maps):
        return (
            f"{expected}; several networks side by side are explained one at a time, "
            f"by Grad-CAM of a `layer`, or {_WITHOUT_MAP}. {received}, whose maps are "
            "each on one path of several"
        )
    return (
        f"{expected}; without one it is explained {_WITHOUT_MAP}. {received}, in which "
        "no such map was found"
    )


def _hides_more(graph, final_map):
    """Returns whether a layer of layers stands behind a map."""
    calls = graph.calls_between({final_map}, [graph.output])
    return any(_hides_maps(graph, call) for call in calls)


def _hides_maps(graph, call):
    """Returns whether a layer of layers turns a map or images into something else."""
    layer = call.operation
    inner = inner_layers(layer) or isinstance(layer, OpaqueCall)
    return (
        bool(inner)
        and bool(layer.weights)
        and any(graph.is_spatial(t) for t in call.inputs)
        and not graph.is_spatial(call.outputs[0])
    )
