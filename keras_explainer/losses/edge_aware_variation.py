"""Edge-aware variation: masks may change where the image changes."""

from keras import ops

from keras_explainer.image_operations.resize import antialiased_to
from keras_explainer.losses.reduction import reduce_batch


def edge_aware_variation(masks, images, bandwidth=0.05, reduction="mean"):
    """Computes the total variation of masks, less at the edges of the image.

    The difference of two neighbours weighs exp(-d^2 / (2 bandwidth^2)), with d the
    distance of their colours, so that a mask costs nothing to end where an object
    ends. Each pair counts once.

    Args:
        masks: Tensor (N, h, w).
        images: Tensor (N, H, W, channels), averaged over the masks' cells.
        bandwidth: float. Distance at which an edge starts to count, as a share of
            the image's range of values.
        reduction: "mean" over the batch, or "none" for one value per image.

    Returns:
        A scalar, or a tensor (N,): the vertical plus the horizontal term.

    Example:

    >>> step = np.float32([[[0, 0, 1, 1]] * 4])
    >>> float(edge_aware_variation(step, np.zeros((1, 4, 4, 3)))) > 0.3
    True
    >>> float(edge_aware_variation(step, step[..., None])) < 1e-6  # same edge
    True
    """
    masks = ops.convert_to_tensor(masks)
    height, width = masks.shape[1:]
    colors = ops.cast(images, masks.dtype)
    if tuple(colors.shape[1:3]) != (height, width):
        colors = antialiased_to(colors, (height, width))
    low, high = (f(colors, (1, 2, 3), keepdims=True) for f in (ops.min, ops.max))
    scale = ops.maximum(bandwidth * (high - low), 1e-6)
    return reduce_batch(
        _weighted_differences(masks, colors, scale, axis=1)
        + _weighted_differences(masks, colors, scale, axis=2),
        reduction,
    )


def _weighted_differences(masks, colors, scale, axis):
    near, far = (slice(None, -1), slice(1, None))
    index = (slice(None),) * axis
    color_step = (colors[(*index, far)] - colors[(*index, near)]) / scale
    weight = ops.exp(-0.5 * ops.sum(ops.square(color_step), axis=-1))
    mask_step = ops.abs(masks[(*index, far)] - masks[(*index, near)])
    return ops.mean(weight * mask_step, axis=(1, 2))
