"""Resizing of maps: one function a way, safe in every precision and with open sizes.

| function | for | values |
| --- | --- | --- |
| `resize_bilinear` | enlarging, and small changes of size | of the nearest four cells |
| `resize_nearest` | enlarging what is 0 or 1 | of the nearest cell |
| `resize_area` | reducing, to cells of whole pixels | the mean of a cell's pixels |
| `resize_antialiased` | reducing to any size, evenly | triangular weights |

Files are resized as pictures, by Pillow (`files`, `visualization`) and as Pillow does
(`serving`).
"""

from keras import ops

from keras_explainer import backend


def grid_of(maps):
    """Returns height and width of maps, as tensors where they are open."""
    size = tuple(maps.shape[1:3])
    return tuple(ops.shape(maps)[1:3]) if None in size else size


def resize_bilinear(maps, size):
    """Resizes maps bilinearly, in float32.

    XLA refuses the gradient of bilinear resizing in mixed precision.

    Args:
        maps: Tensor (N, h, w, K).
        size: Tuple of height and width; may be tensors.

    Returns:
        Tensor (N, *size, K); the maps themselves if they have that size.
    """
    if any(map(ops.is_tensor, size)):
        # Keras takes no sizes that are known only when the graph runs.
        return backend.resize_to_open_size(ops.cast(maps, "float32"), size)
    if tuple(maps.shape[1:3]) == tuple(size):
        return maps
    return ops.image.resize(ops.cast(maps, "float32"), size)


def resize_nearest(maps, size):
    """Resizes maps to the value of the nearest cell, in float32.

    XLA refuses the gradient of TensorFlow's.

    Args:
        maps: Tensor (N, h, w, K).
        size: Tuple of height and width; may be tensors.

    Returns:
        float32 tensor (N, *size, K).
    """
    return _weighted(maps, size, _nearest)


def resize_antialiased(maps, size):
    """Reduces maps by triangular weights, in float32.

    As `keras.ops.image.resize(..., antialias=True)`, which XLA cannot compile.

    Args:
        maps: Tensor (N, H, W, K).
        size: Tuple of height and width; may be tensors.

    Returns:
        float32 tensor (N, *size, K).
    """
    return _weighted(maps, size, _triangles)


def resize_area(maps, size):
    """Reduces maps to the means of their cells.

    Cells that are no whole number of pixels, or of an open size, are interpolated.

    Args:
        maps: Tensor (N, H, W, K).
        size: Tuple of height and width; may be tensors.

    Returns:
        Tensor (N, *size, K).
    """
    whole = grid_of(maps)
    if not any(map(ops.is_tensor, (*whole, *size))):
        stride = max(1, min(whole[0] // size[0], whole[1] // size[1]))
        if stride > 1:
            maps = ops.average_pool(maps, stride, stride, padding="same")
    return resize_bilinear(maps, size)


def _weighted(maps, size, weights):
    """Resizes maps by the weights (size, length) of cells along each side."""
    rows, columns = (weights(*lengths) for lengths in zip(grid_of(maps), size))
    maps = ops.einsum("yh,nhwk->nywk", rows, ops.cast(maps, "float32"))
    return ops.einsum("xw,nywk->nyxk", columns, maps)


def _nearest(length, enlarged):
    """Returns 1 for the cell (length) that each finer one (enlarged) lies in."""
    step = ops.cast(length, "float32") / ops.cast(enlarged, "float32")
    cells = ops.floor((ops.arange(enlarged, dtype="float32") + 0.5) * step)
    return ops.cast(cells[:, None] == ops.arange(length, dtype="float32"), "float32")


def _triangles(length, reduced):
    """Returns the weights (reduced, length) of cells in each of fewer cells."""
    step = ops.cast(length, "float32") / ops.cast(reduced, "float32")
    centres = (ops.arange(reduced, dtype="float32") + 0.5) * step
    places = ops.arange(length, dtype="float32") + 0.5
    distances = ops.abs(places - centres[:, None]) / ops.maximum(step, 1.0)
    weights = ops.maximum(1.0 - distances, 0.0)
    return weights / ops.sum(weights, axis=1, keepdims=True)
