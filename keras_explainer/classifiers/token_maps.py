"""Maps of classifiers whose features are tokens: vision transformers and their kin."""

import math
import typing

import keras
import numpy as np
from keras import ops

from keras_explainer import backend
from keras_explainer.classifiers.graph_tensors import has_weights_before
from keras_explainer.classifiers.graph_tensors import tensors_on_every_path

# Class token, distillation token and registers, which come before those of patches.
_MOST_PREFIX_TOKENS = 5
# Depths of a network of one resolution that are read: one alone knows less.
_DEPTHS = 4


class TokenGrid(typing.NamedTuple):
    """Tokens of an image's patches, row by row, after tokens of no place.

    Args:
        tensor: int. Number of the tokens (N, prefix + height * width, D) in the graph.
        prefix: int. Tokens of no place, which come first.
        height, width: int. Patches along the sides of the image.
    """

    tensor: int
    prefix: int
    height: int
    width: int

    @property
    def size(self):
        """Height and width."""
        return self.height, self.width


class GridOfTokens(keras.Operation):
    """Lays tokens (N, T, D) out as a map (N, h, w, D), without those of no place."""

    def __init__(self, prefix, height, width):
        super().__init__()
        self.prefix, self.height, self.width = prefix, height, width

    def call(self, tokens):
        shape = (-1, self.height, self.width, tokens.shape[-1])
        return ops.reshape(tokens[:, self.prefix :], shape)

    def compute_output_spec(self, tokens):
        shape = (tokens.shape[0], self.height, self.width, tokens.shape[-1])
        return keras.KerasTensor(shape, tokens.dtype)


class TokensOfGrid(keras.Operation):
    """Puts a map (N, h, w, D) in the place of the tokens (N, T, D) it was laid out of.

    Args:
        prefix: int. Tokens of no place, which are taken from those tokens.
    """

    def __init__(self, prefix):
        super().__init__()
        self.prefix = prefix

    def call(self, grid, *tokens):
        cells = ops.reshape(grid, (-1, grid.shape[1] * grid.shape[2], grid.shape[3]))
        before = [some[:, : self.prefix] for some in tokens]
        return ops.concatenate([*before, cells], axis=1)

    def compute_output_spec(self, grid, *tokens):
        count = self.prefix + grid.shape[1] * grid.shape[2]
        return keras.KerasTensor((grid.shape[0], count, grid.shape[3]), grid.dtype)


def token_grids(graph, tensors):
    """Returns those of some tensors that are tokens of an image's patches.

    Their number, less that of up to five tokens of no place, is that of a grid of the
    image's proportions. What is only normalised, or dropped out in training, is left
    out: a map says no more when its cells are scaled.

    Args:
        graph: `LayerGraph`.
        tensors: List of int. Numbers of tensors.

    Returns:
        List of `TokenGrid`s.
    """
    if None in graph.input_spec.shape[1:3]:
        return []
    image_size = graph.shape(graph.input)[1:3]
    found = []
    for tensor in tensors:
        layout = _layout(graph.shape(tensor), image_size)
        if layout and not _is_copy(graph.producers[tensor], graph):
            found.append(TokenGrid(tensor, *layout))
    return found


def depths_of(grids):
    """Returns four of the grids of one network, evenly spaced, up to the last."""
    picked = {round(len(grids) * k / _DEPTHS) for k in range(1, _DEPTHS + 1)}
    return [grids[i - 1] for i in sorted(picked) if i]


def is_read(graph, grid):
    """Returns whether the answer depends on the patches of a `TokenGrid`.

    After the last attention a class token is read alone.
    """
    return tokens_read(graph, grid)[grid.prefix :].any()


def tokens_read(graph, grid):
    """Returns on which of the tokens of a `TokenGrid` the answer depends.

    Args:
        graph: `LayerGraph`.
        grid: `TokenGrid`.

    Returns:
        Boolean array (T,).
    """
    spec, vectors = graph.specs[grid.tensor], _vectors(graph, grid.tensor)
    random = np.random.default_rng(0)

    def score(tokens):
        read = graph.run({grid.tensor: tokens}, vectors)
        read = [ops.cast(values, "float32") for values in read]
        weights = (random.normal(size=x.shape).astype("float32") for x in read)
        return sum(ops.sum(ops.multiply(x, w)) for x, w in zip(read, weights))

    with backend.outside_graph():
        tokens = ops.cast(random.normal(size=(1, *spec.shape[1:])), spec.dtype)
    slopes = backend.slope_at(score, tokens)
    if slopes is None:
        return np.zeros(spec.shape[1], bool)
    return np.any(ops.convert_to_numpy(ops.cast(slopes, "float32"))[0], axis=-1)


def lay_out(graph, grid):
    """Lets a graph go through the map that a `TokenGrid` is.

    Args:
        graph: `LayerGraph`, which is changed but for what it computes.
        grid: `TokenGrid`.

    Returns:
        The number of the map (N, h, w, D).
    """
    tokens, prefix, height, width = grid
    users = [call.outputs[0] for call in graph.calls if tokens in call.inputs]
    laid_out = graph.insert(GridOfTokens(prefix, height, width), [tokens])
    inputs = [laid_out, tokens] if prefix else [laid_out]
    back = graph.insert(TokensOfGrid(prefix), inputs)
    graph.redirect(tokens, back, users)
    return laid_out


def filled(graph, tensor, cells, size):
    """Returns where to start, and from what, for a map that is filled with one cell.

    Tokens of no place are the cell, too: then a class token, which attends to patches
    that are all alike, is what each of them is.

    Args:
        graph: `LayerGraph`.
        tensor: int. Number of the map.
        cells: Tensor (M, channels).
        size: Tuple of int. Height and width of the map to fill.

    Returns:
        Dict from the number of a tensor to its values.
    """
    back = next((c for c in graph.calls if _puts_back(c, tensor)), None)
    if back is None:
        return {tensor: ops.tile(cells[:, None, None], (1, *size, 1))}
    places, count = math.prod(graph.shape(tensor)[1:3]), math.prod(size)
    # Positions, as of rotary embeddings, matter no more where all cells are alike.
    fewer = {t: x[:count] for t, x in graph.constants.items() if len(x) == places}
    tokens = ops.tile(cells[:, None], (1, back.operation.prefix + count, 1))
    return {back.outputs[0]: tokens, **fewer}


def _puts_back(call, tensor):
    return isinstance(call.operation, TokensOfGrid) and call.inputs[0] == tensor


def _layout(shape, image_size):
    """Returns prefix, height and width of tokens (N, T, D) that are a grid, or None."""
    if len(shape) != 3 or None in shape[1:]:
        return None
    grids = _grids(*image_size)
    for prefix in range(_MOST_PREFIX_TOKENS + 1):
        if shape[1] - prefix in grids:
            return prefix, *grids[shape[1] - prefix]
    return None


def _grids(height, width):
    """Returns the sides of grids of square patches, by their number of cells."""
    if height == width:
        sides = [(side, side) for side in range(2, height + 1)]
    else:
        sides = [
            (rounded(height / patch), rounded(width / patch))
            for patch in range(1, min(height, width) + 1)
            for rounded in (math.ceil, math.floor)
        ]
    return {rows * columns: (rows, columns) for rows, columns in sides}


def _is_copy(call, graph):
    """Returns whether a call only scales its input, or drops parts out in training."""
    layer, shapes = call.operation, [graph.shape(t) for t in call.inputs]
    shapes = [shape for shape in shapes if shape[-1] != 1]  # Weights of tokens.
    if shapes != [graph.shape(call.outputs[0])]:
        return False
    is_plain = not getattr(layer, "weights", None)
    return is_plain or type(layer).__name__.endswith("Normalization")


def _vectors(graph, tensor):
    """Returns what a head makes of tokens first that is a vector for an image."""
    calls = graph.calls_between({tensor}, [graph.output])
    vectors = [
        output
        for call in calls
        for output in call.outputs
        if len(graph.shape(output)) <= 2
        and any(len(graph.shape(read)) > 2 for read in call.inputs)
    ]
    return vectors or [graph.output]


def grids_before_pooling(graph):
    """Returns the `TokenGrid`s that every path passes through, before any pooling."""
    tensors = []
    for tensor in tensors_on_every_path(graph, graph.output):
        if len(graph.shape(tensor)) <= 2:
            break
        tensors.append(tensor)
    return grids_made_by_weights(graph, tensors)


def grids_made_by_weights(graph, tensors):
    """Returns the `TokenGrid`s among tensors that layers with weights made."""
    # Not of patches of the image as it is.
    made = [tensor for tensor in tensors if has_weights_before(graph, tensor)]
    return token_grids(graph, made)


def read_by_head(graph, count):
    """Returns which of the last tokens the head reads: patches, or a class token.

    Args:
        graph: `LayerGraph`.
        count: int, T. The number of tokens.

    Returns:
        Boolean array (T,).
    """
    grids = grids_before_pooling(graph)
    if not grids or graph.shape(grids[-1].tensor)[1] != count:
        return np.ones(count, bool)
    return tokens_read(graph, grids[-1])
