"""Recognising the end of a classifier: which tensor holds logits, or becomes them."""

import keras
import numpy as np
from keras import ops

from keras_explainer import backend
from keras_explainer.check_option import check_flag
from keras_explainer.classifiers.graph_tensors import tensors_on_every_path
from keras_explainer.classifiers.head import LOGITS
from keras_explainer.classifiers.head import PROBABILITIES
from keras_explainer.classifiers.head import Head
from keras_explainer.classifiers.without_activation import WithoutActivation

_ACTIVATIONS = {
    "softmax": (ops.softmax, ops.log_softmax),
    "sigmoid": (ops.sigmoid, ops.log_sigmoid),
}


def find_head(graph, multi_label="auto"):
    """Finds how the end of a classifier is read.

    What makes the probabilities is recognised by what it does, whatever it is called:
    first whether what comes last turns random logits into their softmax or sigmoid,
    then whether the answers to random images are probabilities.

    Args:
        graph: `LayerGraph` whose output is (N, C).
        multi_label: "auto", True, False, or a `Head` found earlier.

    Returns:
        A `Head`.

    Raises:
        ValueError: If `multi_label` is none of these, contradicts what is found, or is
            left open by a linear head.
    """
    if isinstance(multi_label, Head):
        return multi_label
    check_flag("multi_label", multi_label, auto=True)
    outputs = graph.shape(graph.output)[-1]
    with backend.outside_graph():
        found, is_linear = _head_by_last_layers(graph, outputs)
        if found is None and not is_linear:
            found = _head_by_answers(graph, outputs)
    if found is not None:
        _check_agreement(found, multi_label)
        return found
    if multi_label == "auto":
        head = "a linear head" if is_linear else "an unrecognised head"
        raise ValueError(
            "Argument `multi_label` should be True (several labels per image, or one "
            "yes or no, sigmoid) or False (one label, softmax) for a classifier whose "
            f"last layer does not tell. Received: multi_label='auto' and {head}"
        )
    if outputs == 1 and not multi_label:
        raise ValueError(
            "Argument `multi_label` should be True for a classifier of one output, "
            "whose sigmoid is the answer yes; a softmax of one class is always 1. "
            "Received: multi_label=False and a head of one output"
        )
    return Head("sigmoid" if multi_label else "softmax", outputs)


def _head_by_last_layers(graph, outputs):
    """Returns a `Head` or None, and whether the last layer is linear."""
    tensor, steps, is_linear = graph.output, 0, False
    while tensor in graph.producers:
        call = graph.producers[tensor]
        layer = call.operation
        if _has_fused_activation(graph, call):
            # What is left out is in the layer itself.
            activation = _activation_of(graph, tensor, outputs, layer.activation)
            if activation in _ACTIVATIONS:
                return Head(activation, outputs, LOGITS, steps, True), False
        if getattr(layer, "weights", None):
            last = getattr(layer, "activation", None)
            is_linear = (
                hasattr(layer, "kernel")
                and last in (None, keras.activations.linear)
                and (not steps or _activation_of(graph, tensor, outputs) == "linear")
                and not _are_probabilities(graph, call.inputs[0])
            )
            break
        if len(call.inputs) != 1:
            break
        (tensor,), steps = call.inputs, steps + 1
        if np.prod([size or 0 for size in graph.shape(tensor)[1:]]) != outputs:
            break
        activation = _activation_of(graph, tensor, outputs)
        if activation in _ACTIVATIONS:
            return Head(activation, outputs, LOGITS, steps), False
    return None, is_linear


def _activation_of(graph, tensor, outputs, activation=None):
    """Names what comes after a tensor, by what it makes of random logits, or None."""
    spec = graph.specs[tensor]
    # Small ones and large ones, since a clipped softmax is one for the small.
    rows = np.random.default_rng(0).normal(size=(8, outputs))
    rows = ops.cast(rows * np.repeat([0.5, 2.0, 4.0, 8.0], 2)[:, None], spec.dtype)
    values = ops.reshape(rows, (8, *spec.shape[1:]))
    if activation is not None:
        values = activation(values)
    (answers,) = graph.run({tensor: values}, [graph.output])
    answers = np.reshape(ops.cast(answers, "float32"), (8, outputs))
    tolerance = 1e-2 if _is_half(spec.dtype) else 1e-5
    rows = ops.cast(rows, "float32")
    if outputs == 1 and any((answers == value).all() for value in (0, 1)):
        return "softmax"  # Of one class, or its logarithm, of which Keras would warn.
    for name, functions in _ACTIVATIONS.items():
        for function in functions if outputs > 1 or name == "sigmoid" else ():
            if np.allclose(answers, function(rows), 1e-3, tolerance):
                return name
    return "linear" if np.allclose(answers, rows, 1e-3, tolerance) else None


def _has_fused_activation(graph, call):
    """Returns whether a layer ends in the function that is its `activation`."""
    layer = call.operation
    activation = getattr(layer, "activation", None)
    if (
        not callable(activation)
        or activation is keras.activations.linear
        or isinstance(layer, keras.layers.Activation)
        or not getattr(layer, "weights", None)
        or len(call.inputs) != 1
    ):
        return False
    spec = graph.specs[call.inputs[0]]
    if None in spec.shape[1:]:
        return False
    values = np.random.default_rng(0).normal(size=(2, *spec.shape[1:]))
    values = ops.cast(values, spec.dtype)
    tolerance = 1e-2 if _is_half(layer.compute_dtype) else 1e-5
    linear = WithoutActivation(layer)(values)
    return np.allclose(
        ops.cast(layer(values), "float32"),
        ops.cast(activation(linear), "float32"),
        atol=tolerance,
    )


def _are_probabilities(graph, tensor):
    """Returns whether a layer makes rows that add up to 1 of whatever it gets."""
    call = graph.producers.get(tensor)
    if call is None or len(call.inputs) != 1:
        return False
    spec = graph.specs[call.inputs[0]]
    if None in spec.shape[1:]:
        return False
    values = np.random.default_rng(0).normal(size=(4, *spec.shape[1:]))
    values = {call.inputs[0]: ops.cast(values, spec.dtype)}
    rows = ops.convert_to_numpy(ops.cast(graph.run(values, [tensor])[0], "float32"))
    return rows.min() >= 0 and np.allclose(rows.sum(axis=-1), 1.0, atol=1e-2)


def _head_by_answers(graph, outputs):
    """Returns a `Head` of probabilities if the answers to images are, else None."""
    rows = _answers(graph, outputs)
    _check_whole(rows)
    if len(rows) < 4 or rows.min() < -1e-6 or rows.max() > 1 + 1e-3:
        return None
    if np.allclose(rows.sum(axis=1), 1.0, atol=1e-2):
        return Head("softmax", outputs, PROBABILITIES)
    # Not zeros of a layer that is never active.
    if rows.std(axis=0).max() > 1e-4 or (rows.min() > 0 and rows.max() < 1):
        return Head("sigmoid", outputs, PROBABILITIES)
    return None


def _answers(graph, outputs):
    """Returns the answers (N, C) to random images of several scales.

    And to their features in other orders: a head whose answers may be below 0 or
    above 1 shows it there, though those to the images happen to be in between.
    """
    spec, random = graph.specs[graph.input], np.random.default_rng(0)
    shape = (2, *spec.shape[1:])
    scales = [(0, 1), (0, 255), (-1, 1), (-1e3, 1e3)]
    if "float" not in spec.dtype:
        scales = [(0, 255)] * 3
    images = np.concatenate([random.uniform(*scale, shape) for scale in scales])
    start = _features(graph)
    targets = [graph.output] if start is None else [graph.output, start]
    values = {graph.input: ops.cast(images, spec.dtype)}
    answers, *features = graph.run(values, targets)
    rows = [answers]
    for values in features:
        others = np.repeat(ops.cast(values, "float32"), 4, axis=0)
        others = ops.cast(random.permuted(others, axis=1), values.dtype)
        rows += graph.run({start: others}, [graph.output])
    rows = [np.reshape(ops.cast(part, "float32"), (-1, outputs)) for part in rows]
    rows = np.concatenate(rows)
    return rows[np.isfinite(rows).all(axis=1)]


def _check_whole(rows):
    """Raises a ValueError if answers are shares of 100, or of another whole."""
    sums = rows.sum(axis=1)
    if rows.shape[1] < 2 or len(rows) < 4 or rows.min() < 0 or sums.min() <= 1.01:
        return
    is_constant = rows.std(axis=0).max() < 1e-4  # Of a layer that learnt nothing yet.
    if not is_constant and np.ptp(sums) < 1e-3 * sums.mean():
        whole = f"{sums.mean():.4g}"
        raise ValueError(
            "Argument `classifier` should give probabilities that add up to 1, as "
            f"`keras.Model(model.inputs, model.outputs[0] / {whole})` does. Received: "
            f"answers that add up to {whole}"
        )


def _features(graph):
    """Returns the first tensor (N, F) that all of the head is made of, or None."""
    for tensor in tensors_on_every_path(graph, graph.output):
        if len(graph.shape(tensor)) == 2:
            head = graph.calls_between({tensor}, [graph.output])
            has_weights = any(getattr(c.operation, "weights", None) for c in head)
            return tensor if has_weights else None
    return None


def _check_agreement(head, multi_label):
    if head.activation == "softmax" and head.outputs == 1:
        raise ValueError(
            "Argument `classifier` should have a sigmoid over its one output, or a "
            "softmax over two or more; a softmax of one class is always 1. Received: a "
            "softmax over one output"
        )
    if multi_label == "auto" or head.is_binary or multi_label == head.multi_label:
        return
    other = "several labels per image" if head.multi_label else "one label per image"
    raise ValueError(
        f'Argument `multi_label` should be "auto" or {not multi_label} for a '
        f"classifier that ends in a {head.activation}, of {other}. "
        f"Received: multi_label={multi_label}"
    )


def _is_half(dtype):
    return keras.backend.standardize_dtype(dtype) in ("float16", "bfloat16")
