"""Maps that end where objects do, as the masks of an Explainer."""

from keras import ops

from keras_explainer.image_operations.enlarged_masks import enlarged_masks
from keras_explainer.image_operations.resize import resize_area

# Cells that agree along the shorter side: those of an Explainer on photographs.
_CELLS = 14
# From maps in [0, 1] to logits: a map's ends are as sure as 2 and 98 %.
_STEEPNESS = 8.0


def edge_aligned(maps, images):
    """Lets cells of like colour agree in maps, and enlarges these along edges.

    Args:
        maps: Tensor (N, H, W) in [0, 1].
        images: Tensor (N, H, W, channels), of any range of values.

    Returns:
        float32 tensor (N, H, W) in [0, 1].
    """
    size = maps.shape[1:3]
    cell = max(1, min(size) // _CELLS)
    grid = [-(-length // cell) for length in size]
    cells = resize_area(_STEEPNESS * (maps[..., None] - 0.5), grid)
    maps = ops.sigmoid(enlarged_masks(cells, images))[..., 0]
    return ops.convert_to_numpy(maps)
