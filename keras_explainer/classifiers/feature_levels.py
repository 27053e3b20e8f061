"""Finding the feature maps of a classifier without being told a layer name."""

from keras_explainer.classifiers.graph_tensors import is_map
from keras_explainer.classifiers.graph_tensors import stride_of
from keras_explainer.classifiers.graph_tensors import stride_of_size
from keras_explainer.classifiers.graph_tensors import tensors_on_every_path
from keras_explainer.classifiers.token_maps import GridOfTokens
from keras_explainer.classifiers.token_maps import TokenGrid
from keras_explainer.classifiers.token_maps import depths_of
from keras_explainer.classifiers.token_maps import grids_made_by_weights
from keras_explainer.classifiers.token_maps import lay_out


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
    if is_token_map(graph, final_map):
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


def is_token_map(graph, final_map):
    """Tells whether a final feature map is made of tokens."""
    return isinstance(graph.producers[final_map].operation, GridOfTokens)


def _levels_of_tokens(graph, final_map, whole, finest_stride):
    """Returns depths of tokens at the final stride, then finer maps, from the last."""
    final = graph.producers[final_map].inputs[0]
    grids = grids_made_by_weights(graph, whole)
    size = next(grid.size for grid in grids if grid.tensor == final)
    depths = depths_of([grid for grid in grids if grid.size == size])
    finer = {stride_of(graph, t): t for t in whole if is_map(graph, t)}
    finer.update({stride_of_size(graph, grid.size): grid for grid in grids})
    strides = [s for s in finer if finest_stride <= s < stride_of_size(graph, size)]
    chosen = [*reversed(depths[:-1]), *(finer[s] for s in sorted(strides)[::-1])]
    return [
        final_map,
        *(lay_out(graph, x) if isinstance(x, TokenGrid) else x for x in chosen),
    ]
