"""Finding the feature maps of a classifier without being told a layer name."""

import difflib
import math

import keras
import numpy as np
from keras import ops

from keras_explainer import backend
from keras_explainer.classifiers.opaque_call import OpaqueCall
from keras_explainer.classifiers.token_maps import GridOfTokens
from keras_explainer.classifiers.token_maps import TokenGrid
from keras_explainer.classifiers.token_maps import depths_of
from keras_explainer.classifiers.token_maps import is_read
from keras_explainer.classifiers.token_maps import lay_out
from keras_explainer.classifiers.token_maps import token_grids
from keras_explainer.classifiers.token_maps import tokens_read
from keras_explainer.keras_internals import inner_layers

# Borders added for a strided convolution: the map before them is the one to read.
_PADDING = (keras.layers.ZeroPadding2D, keras.layers.Cropping2D)
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
        if is_map(graph, tensor) and _has_weights_before(graph, tensor):
            found = tensor
        elif found is not None and (len(shape) <= 2 or set(shape[1:-1]) == {1}):
            break
    return found


def grid_of_map(graph, final_map):
    """Returns how many tokens of no place a map has, its height and its width."""
    operation = graph.producers[final_map].operation
    prefix = operation.prefix if isinstance(operation, GridOfTokens) else 0
    return prefix, *graph.shape(final_map)[1:3]


def read_by_head(graph, count):
    """Returns which of the last tokens the head reads: patches, or a class token.

    Args:
        graph: `LayerGraph`.
        count: int, T. The number of tokens.

    Returns:
        Boolean array (T,).
    """
    grids = _grids_before_pooling(graph)
    if not grids or graph.shape(grids[-1].tensor)[1] != count:
        return np.ones(count, bool)
    return tokens_read(graph, grids[-1])


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
        if not is_map(graph, source) or not _has_weights_before(graph, source):
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
        if graph.is_spatial(tensor) and _has_weights_before(graph, tensor)
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


def find_feature_levels(graph, final_map, finest_stride):
    """Returns one feature map for each stride, from the final map to the finest.

    At each stride the last map that every path passes through is taken (not one
    branch of several), or else the last map: what the network knows at that
    resolution. Of tokens, several depths are taken at the final stride.

    Args:
        graph: `LayerGraph`.
        final_map: int. Number of the final feature map.
        finest_stride: int. The finest map to return, in pixels per cell; the final
            map is returned even if it is finer.

    Returns:
        List of tensor numbers, coarse to fine, from the final map.
    """
    whole = tensors_on_every_path(graph, final_map)
    if isinstance(graph.producers[final_map].operation, GridOfTokens):
        return _levels_of_tokens(graph, final_map, whole, finest_stride)
    every = [c.outputs[0] for c in graph.calls_between({graph.input}, [final_map])]
    levels = {
        stride_of(graph, tensor): tensor
        for tensor in [*every, *whole]
        if is_map(graph, tensor)
    }
    coarsest = stride_of(graph, final_map)
    strides = [s for s in levels if finest_stride <= s < coarsest]
    return [final_map, *(levels[s] for s in sorted(strides, reverse=True))]


def _last_token_grid(graph):
    """Returns the last `TokenGrid` that the answer is made of, or None."""
    graph.open_layers()
    grids = reversed(_grids_before_pooling(graph))
    return next((grid for grid in grids if is_read(graph, grid)), None)


def _grids_before_pooling(graph):
    tensors = []
    for tensor in tensors_on_every_path(graph, graph.output):
        if len(graph.shape(tensor)) <= 2:
            break
        tensors.append(tensor)
    return _grids_made_by_weights(graph, tensors)


def _grids_made_by_weights(graph, tensors):
    # Not of patches of the image as it is.
    made = [tensor for tensor in tensors if _has_weights_before(graph, tensor)]
    return token_grids(graph, made)


def _levels_of_tokens(graph, final_map, whole, finest_stride):
    """Returns depths of tokens at the final stride, then finer maps, from the last."""
    final = graph.producers[final_map].inputs[0]
    grids = _grids_made_by_weights(graph, whole)
    size = next(grid.size for grid in grids if grid.tensor == final)
    depths = depths_of([grid for grid in grids if grid.size == size])
    finer = {stride_of(graph, t): t for t in whole if is_map(graph, t)}
    finer.update({_stride(graph, grid.size): grid for grid in grids})
    strides = [s for s in finer if finest_stride <= s < _stride(graph, size)]
    chosen = [*reversed(depths[:-1]), *(finer[s] for s in sorted(strides)[::-1])]
    return [
        final_map,
        *(lay_out(graph, x) if isinstance(x, TokenGrid) else x for x in chosen),
    ]


def is_map(graph, tensor):
    """Returns whether a tensor is a spatial map, and not one with a border added."""
    if not graph.is_spatial(tensor):
        return False
    operation = graph.producers[tensor].operation
    # `keras.ops.pad` adds what need not even be finite.
    return not isinstance(operation, _PADDING) and type(operation).__name__ != "Pad"


def stride_of(graph, tensor):
    """Returns how many pixels one cell of a map spans, as a power of two."""
    return _stride(graph, graph.shape(tensor)[1:3])


def _stride(graph, size):
    image = graph.shape(graph.input)[1:3]
    ratio = math.sqrt(math.prod(image) / math.prod(size))
    return 2 ** max(0, round(math.log2(ratio)))


def _has_weights_before(graph, tensor):
    calls = graph.calls_between({graph.input}, [tensor])
    return any(
        getattr(call.operation, "trainable_variables", None)
        or getattr(call.operation, "weights", None)
        and not isinstance(call.operation, keras.layers.Normalization)
        for call in calls
    )


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
    if any(_has_weights_before(graph, tensor) for tensor in maps):
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
