"""How a classifier would judge one cell of its final feature map."""

import math
import warnings

import keras
import numpy as np
from keras import ops

from keras_explainer import backend
from keras_explainer.classifiers.token_maps import filled
from keras_explainer.classifiers.without_activation import WithoutActivation

_SHAPE_ONLY = (
    keras.layers.Flatten,
    keras.layers.Reshape,
    keras.layers.Dropout,
    keras.layers.Identity,
)


def find_cell_head(graph, final_map, logits, kind=None):
    """Finds how the classifier would judge one cell of its final feature map.

    The judgement is that of the classifier's own head for a map filled with the
    cell's features, found without such a map: after pooling, by the rest of the head
    ("pooled"); before flattening, by the next dense layer with its kernel summed over
    the cells ("flattened"); or by the head on a map of a single cell ("single"). It is
    compared with the head on a filled map, and taken only if it is the same.

    Args:
        graph: `LayerGraph`.
        final_map: int. Number of the final feature map.
        logits: int. Number of the tensor to compute.
        kind: What was found earlier, to be taken as it is: "" for none. None looks.

    Returns:
        Tuple of the kind, and a function from cells (M, channels) to what `logits`
        holds for them, or ("", None).
    """
    ways = {"pooled": _pooled, "flattened": _flattened, "single": _single}
    if kind is not None:
        return kind, kind and ways[kind](graph, final_map, logits) or None
    for kind, way in ways.items():
        judge = way(graph, final_map, logits)
        with backend.outside_graph():
            if judge is not None and _is_right(judge, graph, final_map, logits):
                return kind, judge
    return "", None


def _pooled(graph, final_map, logits):
    first = _only_user(graph, final_map, logits)
    if first is None:
        return None
    pooled, channels = first.outputs[0], graph.shape(final_map)[-1]
    shape = graph.shape(pooled)[1:]
    if shape not in ((channels,), (1, 1, channels)):
        return None

    def judge(cells):
        cells = ops.reshape(cells, (-1, *shape))
        return graph.run({pooled: cells}, [logits])[0]

    return judge


def _flattened(graph, final_map, logits):
    places, call = final_map, _only_user(graph, final_map, logits)
    while call is not None and not isinstance(call.operation, _SHAPE_ONLY):
        places = call.outputs[0]  # Such as normalised tokens, each by itself.
        if len(graph.shape(places)) < 3:
            return None
        call = _only_user(graph, places, logits)
    while call is not None and isinstance(call.operation, _SHAPE_ONLY):
        call = _only_user(graph, call.outputs[0], logits)
    if call is None:
        return None
    fused = isinstance(call.operation, WithoutActivation)
    layer = call.operation.layer if fused else call.operation
    if not isinstance(layer, keras.layers.Dense):
        return None
    channels = graph.shape(places)[-1]
    count = math.prod(graph.shape(call.inputs[0])[1:]) // channels

    def judge(cells):
        start = filled(graph, final_map, cells, (1, 1))
        (cells,) = graph.run(start, [places])
        cells = ops.reshape(cells, (-1, channels)) if places != final_map else cells
        if getattr(layer, "quantization_mode", None):  # Of integers and their scales.
            hidden = call.operation(ops.tile(cells, (1, count)))
        else:
            kernel = ops.reshape(layer.kernel, (-1, channels, layer.units))
            hidden = ops.matmul(cells, ops.cast(ops.sum(kernel, axis=0), cells.dtype))
            if layer.use_bias:
                hidden = hidden + ops.cast(layer.bias, hidden.dtype)
            if not fused:
                hidden = layer.activation(hidden)
        return graph.run({call.outputs[0]: hidden}, [logits])[0]

    return judge


def _single(graph, final_map, logits):
    def judge(cells):
        with warnings.catch_warnings():
            # Pooling by attention weighs the only cell there is.
            warnings.filterwarnings("ignore", "You are using a softmax over axis")
            return graph.run(filled(graph, final_map, cells, (1, 1)), [logits])[0]

    return judge


def _only_user(graph, tensor, logits):
    """Returns the one call between a tensor and the logits that reads it, or None."""
    users = [c for c in graph.calls_between({tensor}, [logits]) if tensor in c.inputs]
    return users[0] if len(users) == 1 else None


def _is_right(judge, graph, final_map, logits):
    """Compares the judgement of random cells with the head on maps filled with them."""
    height, width, channels = graph.shape(final_map)[1:]
    random = np.random.default_rng(0)
    cells = np.concatenate(
        [
            random.uniform(0, 1, (2, channels)),
            random.normal(0, 1, (2, channels)),
            random.uniform(0, 10, (2, channels)),
        ]
    )
    cells = ops.cast(cells, graph.specs[final_map].dtype)
    whole = filled(graph, final_map, cells, (height, width))
    (expected,) = graph.run(whole, [logits])
    try:
        found = judge(cells)
    # A head of a fixed size has many ways to refuse a single cell.
    except Exception:
        return False
    found, expected = (
        np.reshape(ops.cast(x, "float32"), (len(cells), -1)) for x in (found, expected)
    )
    if found.shape != expected.shape or not np.isfinite(found).all():
        return False
    # As much as GPUs and half precision round, of how far cells differ.
    spread = np.ptp(expected, axis=0).max()
    room = 1e-2 * spread + 1e-3 * np.abs(expected).max() + 1e-6
    return np.abs(found - expected).max() <= room
