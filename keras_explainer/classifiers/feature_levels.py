"""Finding the feature maps of a classifier without being told a layer name."""

import math

import keras

# Borders added for a strided convolution: the map before them is the one to read.
_PADDING = (keras.layers.ZeroPadding2D, keras.layers.Cropping2D)


def find_final_map(graph):
    """Returns the last spatial map on every path to the output of a classifier.

    Walks back from the output until the tensors are (N, H, W, C) maps larger
    than 1x1: the input of global pooling or flattening, whatever follows it.

    Args:
        graph: A `LayerGraph`.

    Returns:
        The number of the tensor in the graph.

    Raises:
        ValueError: If the classifier has no spatial feature map.
    """
    pending, seen, found = [graph.output], set(), []
    while pending:
        tensor = pending.pop()
        if tensor in seen:
            continue
        seen.add(tensor)
        if graph.is_spatial(tensor):
            found.append(tensor)
        elif tensor in graph.producers:
            pending.extend(graph.producers[tensor].inputs)
    final_map = max(found, default=None)
    if final_map is None or not _has_weights_before(graph, final_map):
        raise ValueError(
            "Argument `classifier` should have a spatial feature map of shape "
            "(N, H, W, C), larger than 1x1 and made by layers with weights, before "
            "its pooling or flattening. Received: a classifier with input shape "
            f"{graph.shape(graph.input)}, in which no such map was found"
        )
    return final_map


def find_feature_levels(graph, final_map, finest_stride):
    """Returns one feature map for each stride, from the final map to the finest.

    At each stride the last map that every path passes through is taken (not one
    branch of several), or else the last map: what the network knows at that
    resolution.

    Args:
        graph: A `LayerGraph`.
        final_map: Number of the final feature map.
        finest_stride: int. The finest map to return, in pixels per cell; the
            coarsest is returned even if it is finer.

    Returns:
        List of tensor numbers, coarse to fine.
    """
    calls = graph.calls_between({graph.input}, [final_map])
    last_use = {t: i for i, call in enumerate(calls) for t in call.inputs}
    levels, whole, open_until = {}, {}, last_use[graph.input]
    for i, call in enumerate(calls):
        tensor = call.outputs[0]
        if graph.is_spatial(tensor) and not isinstance(call.operation, _PADDING):
            stride = stride_of(graph, tensor)
            levels[stride] = tensor
            if open_until <= i:
                whole[stride] = tensor
        open_until = max([open_until, *(last_use.get(t, 0) for t in call.outputs)])
    levels = {**levels, **whole, stride_of(graph, final_map): final_map}
    strides = sorted(levels, reverse=True)
    return [levels[s] for s in strides if s >= finest_stride or s == strides[0]]


def stride_of(graph, tensor):
    """Returns how many pixels one cell of a map spans, as a power of two."""
    image, cells = graph.shape(graph.input)[1:3], graph.shape(tensor)[1:3]
    ratio = math.sqrt(math.prod(image) / math.prod(cells))
    return 2 ** max(0, round(math.log2(ratio)))


def _has_weights_before(graph, tensor):
    calls = graph.calls_between({graph.input}, [tensor])
    return any(
        getattr(call.operation, "trainable_variables", None)
        or getattr(call.operation, "weights", None)
        and not isinstance(call.operation, keras.layers.Normalization)
        for call in calls
    )
