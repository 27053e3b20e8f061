"""The end of a classifier: its logits, and the evidence of a single cell."""

import keras
from keras import ops

_SHAPE_ONLY = (
    keras.layers.Flatten,
    keras.layers.Reshape,
    keras.layers.Dropout,
    keras.layers.Identity,
)
_POOLING = (
    "GlobalAveragePooling2D",
    "GlobalMaxPooling2D",
    "AveragePooling2D",
    "MaxPooling2D",
    "Mean",
    "Max",
)


def find_logits(graph):
    """Finds the logits of a classifier: what goes into its last activation.

    A fused activation (`Dense(..., activation="softmax")`) is taken off in the
    graph; the layer itself is left alone.

    Args:
        graph: A `LayerGraph`; its last call may be replaced.

    Returns:
        Tuple of the logits' tensor number and the activation: "softmax",
        "sigmoid", "linear", or None if it was not recognised.
    """
    tensor = graph.output
    while tensor in graph.producers:
        call = graph.producers[tensor]
        operation = call.operation
        if isinstance(operation, _SHAPE_ONLY):
            tensor = call.inputs[0]
            continue
        activation = _activation_name(operation)
        if isinstance(operation, keras.layers.Activation) or not hasattr(
            operation, "activation"
        ):
            return (call.inputs[0] if activation else tensor), activation
        if activation in ("softmax", "sigmoid"):
            graph.replace_operation(tensor, _WithoutActivation(operation))
        return tensor, activation
    return tensor, None


def find_cell_head(graph, final_map, logits):
    """Finds how the classifier would judge one cell of its final feature map.

    The judgement is that of the classifier's own head for a map filled with the
    cell's features: for pooling it is the rest of the head applied to the cell;
    for flattening, the next dense layer with its kernel summed over the cells.

    Args:
        graph: A `LayerGraph`.
        final_map: Number of the final feature map.
        logits: Number of the logits.

    Returns:
        A function from cells (M, channels) to logits (M, classes), or None if the
        head is neither.
    """
    channels = graph.shape(final_map)[-1]
    head = graph.calls_between({final_map}, [logits])
    if not head or [c for c in head if final_map in c.inputs] != [head[0]]:
        return None
    first, pooled = head[0], head[0].outputs[0]
    kind, shape = type(first.operation).__name__, graph.shape(pooled)[1:]

    if kind in _POOLING and shape in ((channels,), (1, 1, channels)):

        def judge(cells):
            cells = ops.reshape(cells, (-1, *shape))
            return graph.run({pooled: cells}, [logits])[0]

        return judge

    dense = next(
        (c for c in head[1:] if not isinstance(c.operation, _SHAPE_ONLY)), None
    )
    if dense is None or not isinstance(first.operation, _SHAPE_ONLY):
        return None
    fused = isinstance(dense.operation, _WithoutActivation)
    layer = dense.operation.layer if fused else dense.operation
    if not isinstance(layer, keras.layers.Dense):
        return None

    def judge(cells):
        kernel = ops.reshape(layer.kernel, (-1, channels, layer.units))
        hidden = ops.matmul(cells, ops.cast(ops.sum(kernel, axis=0), cells.dtype))
        if layer.use_bias:
            hidden = hidden + ops.cast(layer.bias, hidden.dtype)
        if not fused:
            hidden = layer.activation(hidden)
        return graph.run({dense.outputs[0]: hidden}, [logits])[0]

    return judge


class _WithoutActivation:
    """A layer called without its fused activation; the layer is not changed."""

    def __init__(self, layer):
        self.layer = layer

    def __getattr__(self, name):
        return getattr(self.layer, name)

    def __call__(self, *args, **kwargs):
        # The same layer with the same variables (`copy.copy` would copy those, too).
        linear = object.__new__(type(self.layer))
        vars(linear).update(vars(self.layer))
        vars(linear)["activation"] = keras.activations.linear
        return linear(*args, **kwargs)


def _activation_name(operation):
    if isinstance(operation, keras.layers.Softmax):
        return "softmax"
    if hasattr(operation, "activation"):
        function = operation.activation
        return {
            keras.activations.softmax: "softmax",
            keras.activations.log_softmax: "softmax",
            keras.activations.sigmoid: "sigmoid",
            keras.activations.linear: "linear",
            None: "linear",
        }.get(function)
    # `keras.ops.softmax(x)` in a functional model.
    return {"Softmax": "softmax", "Sigmoid": "sigmoid", "LogSoftmax": "softmax"}.get(
        type(operation).__name__
    )
