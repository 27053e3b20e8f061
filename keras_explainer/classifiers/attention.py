"""The attention that the tokens of a transformer pay to each other."""

import inspect

import keras

from keras_explainer.keras_internals import inner_layers

_EXPECTED = (
    "Argument `classifier` should be a transformer with attention among all of its "
    "tokens, by `keras.layers.MultiHeadAttention` or a softmax of its own"
)


class WithScores:
    """A layer of attention that returns its scores, too; the layer is not changed."""

    def __init__(self, layer):
        self.layer = layer

    def __getattr__(self, name):
        return getattr(self.layer, name)

    def __call__(self, *args, **kwargs):
        return self.layer(*args, **kwargs, return_attention_scores=True)


def attention_scores(graph, count):
    """Lets a graph give the scores of attention among all of its tokens.

    Args:
        graph: `LayerGraph`, its layers opened.
        count: int, T. The number of tokens.

    Returns:
        List of the numbers of tensors (N, heads, T, T), in order.

    Raises:
        ValueError: If there are none, or a layer hides some.
    """
    found = []
    for call in graph.calls_between({graph.input}, [graph.output]):
        layer, outputs = call.operation, call.outputs
        lengths = {graph.shape(t)[1] for t in call.inputs if len(graph.shape(t)) == 3}
        if _tells_scores(layer) and lengths == {count}:
            spec = keras.KerasTensor((None, None, count, count))
            found.append(graph.add_output(call, WithScores(layer), spec))
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


def _hides_attention(layer):
    return any(
        _tells_scores(part) or _is_softmax(part) or _hides_attention(part)
        for part in inner_layers(layer)
    )
