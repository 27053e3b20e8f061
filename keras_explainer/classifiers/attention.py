"""The attention that the tokens of a transformer pay to each other."""

import inspect

import keras
from keras import ops

from keras_explainer.classifiers.layer_proxy import LayerProxy
from keras_explainer.keras_internals import inner_layers

_EXPECTED = (
    "Argument `classifier` should be a transformer with attention among all of its "
    "tokens, by `keras.layers.MultiHeadAttention`, "
    "`keras.ops.dot_product_attention` or a softmax of its own"
)


class WithScores(LayerProxy):
    """A layer of attention that returns its scores, too; the layer is not changed."""

    def __call__(self, *args, **kwargs):
        return self.layer(*args, **kwargs, return_attention_scores=True)


class WithProducts:
    """`keras.ops.dot_product_attention` that returns its scores (N, heads, T, T), too.

    The scores are what it makes of values that tell one token from another.
    """

    def __init__(self, operation):
        self.operation = operation
        self.call = operation.call

    def __call__(self, query, key, value, **options):
        count = key.shape[1]
        tokens = ops.eye(count, dtype=value.dtype)[None, :, None]
        tokens = ops.tile(tokens, (ops.shape(value)[0], 1, value.shape[2], 1))
        scores = self.operation(query, key, tokens, **options)
        scores = ops.transpose(scores, (0, 2, 1, 3))
        return ops.einsum("nhts,nshd->nthd", scores, value), scores


def attention_scores(graph, count):
    """Lets a graph give the scores of attention among all of its tokens.

    Args:
        graph: `LayerGraph`, whose layers are opened.
        count: int, T. The number of tokens.

    Returns:
        List of the numbers of tensors (N, heads, T, T), in order.

    Raises:
        ValueError: If there are none, or a layer hides some.
    """
    graph.open_layers(fixed=True)
    found = []
    for call in graph.calls_between({graph.input}, [graph.output]):
        layer, outputs = call.operation, call.outputs
        lengths = {graph.shape(t)[1] for t in call.inputs if len(graph.shape(t)) > 2}
        spec = keras.KerasTensor((None, None, count, count))
        if _tells_scores(layer) and lengths == {count}:
            found.append(graph.add_output(call, WithScores(layer), spec))
        elif _multiplies(layer) and lengths == {count}:
            found.append(graph.add_output(call, WithProducts(layer), spec))
        elif _is_softmax(layer) and graph.shape(outputs[0])[2:] == (count, count):
            found.append(outputs[0])
        elif not _tells_scores(layer) and _hides_attention(layer):
            raise ValueError(
                f"{_EXPECTED}, in layers that Keras can trace. Received: layer "
                f"'{layer.name}' ({type(layer).__name__}), which hides its attention"
            )
    if not found:
        raise ValueError(
            f"{_EXPECTED}. Received: a classifier in which no such attention was found"
        )
    return found


def _tells_scores(layer):
    call = getattr(layer, "call", None)
    return callable(call) and (
        "return_attention_scores" in inspect.signature(call).parameters
        and type(layer).__module__.partition(".")[0] == "keras"
    )


def _is_softmax(operation):
    return type(operation).__name__ == "Softmax"


def _multiplies(operation):
    return type(operation).__name__ == "DotProductAttention"


def _hides_attention(layer):
    return any(
        _tells_scores(part) or _is_softmax(part) or _hides_attention(part)
        for part in inner_layers(layer)
    )
