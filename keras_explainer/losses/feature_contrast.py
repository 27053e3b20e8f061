"""Contrast: how little of a classifier's features masks explain."""

from keras import ops

from keras_explainer.image_operations.resize import grid_of
from keras_explainer.image_operations.resize import resize_area
from keras_explainer.losses.reduction import reduce_batch

# A mask that explains no more than this of the features' variance follows no border.
_UNEXPLAINED = 1e-3
# How far around a mask features count, in sides of a square of its area. A compact mask
# then takes a quarter of all that counts, whatever its size.
_REACH = 0.7


def contrast_loss(masks, maps, within=None, reduction="mean"):
    """Computes how little of the features' variation around them masks explain.

    minus the logarithm of the share of the variance of the features' directions that
    lies between the mean inside of the mask and the mean outside, and of several maps
    the mean. It is least where a mask follows a border of two kinds of features: it
    grows with all that the mask leaves out of one, and with all that it takes of the
    other, and with undecided values. Features of any scale give the same.

    A cell counts by how near to the mask it is, on the scale of the mask. So an object
    of any size is compared with what is around it, and what lies far away says nothing;
    else a small one would explain little of the picture, whose parts differ more from
    one another than the object from what is around it. A peculiar spot explains what is
    around it as well: that it is no reason is for the classifier's answer to say.

    Features are made of more than the pixels of their cell, and tell of what lies just
    beside it as well. So a cell counts as inside by the mean of two shares of it: of
    what the mask covers, and of what is within half a cell of that. By the first alone
    the border would be looked for too far out, by the second alone too far in.

    Args:
        masks: Tensor (N, H, W) in [0, 1].
        maps: List of feature maps, tensors (N, h, w, D), each with its own size.
        within: Tensor (N, H, W) of 1 where features count and 0 elsewhere, or None:
            everywhere. In a picture of several the greatest difference is that between
            them, not the outline of an object.
        reduction: "mean" over the batch, or "none" for one value per image.

    Returns:
        A scalar, or a tensor (N,). Its slope is that for cells that count as they do.

    Raises:
        ValueError: If `maps` is not a list of feature maps.

    Example:

    >>> features = np.float32([[[[1, 0], [1, 0], [0, 1], [0, 1]]]])  # of 2 x 8 pixels
    >>> mask = np.float32([[[1, 1, 1, 1, 0, 0, 0, 0]] * 2])
    >>> round(float(contrast_loss(mask, [features])), 2)
    0.29
    >>> half = mask * [1, 1, 0, 0, 0, 0, 0, 0]
    >>> round(float(contrast_loss(half, [features])), 2)
    3.03

    Reference:
        Otsu, "A threshold selection method from gray-level histograms", 1979, for
        features in the place of grey levels.
    """
    _check_maps(maps)
    masks = ops.convert_to_tensor(masks)[..., None]
    if within is not None:
        within = ops.cast(within, masks.dtype)[..., None]
    explained = (_explained(masks, features, within) for features in maps)
    per_image = -sum(ops.log(share + _UNEXPLAINED) for share in explained) / len(maps)
    return reduce_batch(per_image, reduction)


def _check_maps(maps):
    """Raises an error for one map, whose images would be taken for maps."""
    is_list = isinstance(maps, (list, tuple)) and len(maps) > 0
    if not is_list or any(len(features.shape) != 4 for features in maps):
        received = [tuple(m.shape) for m in maps] if is_list else type(maps).__name__
        raise ValueError(
            "Argument `maps` should be a list of feature maps (N, h, w, D); of one map "
            f"it is `[features]`. Received: {received}"
        )


def _explained(masks, features, within):
    """Returns which share (N,) of the variance of features masks explain."""
    features = _direction(ops.cast(features, masks.dtype))
    grid = grid_of(features)
    covered, seen = _covered_and_seen(masks, grid)
    if within is None:
        counts = _nearness(covered)
    else:
        # Masks of the other parts are not asked about.
        counts = _nearness(resize_area(within * masks, grid))
        counts = counts * resize_area(within, grid)
    cells = ops.maximum(ops.sum(counts, axis=(1, 2), keepdims=True), 1e-9)

    def mean(values):
        return ops.sum(counts * values, axis=(1, 2), keepdims=True) / cells

    inside = 0.5 * (covered + seen)
    share, features = mean(inside), features - mean(features)
    total = mean(ops.sum(ops.square(features), axis=-1, keepdims=True))
    # Of both deviations: a large mask that explains little would leave only rounding.
    between = mean((inside - share) * features)
    between = ops.sum(ops.square(between), axis=-1, keepdims=True)
    explained = between / ops.maximum(share * (1.0 - share) * total, 1e-9)
    return explained[:, 0, 0, 0]


def _covered_and_seen(masks, grid):
    """Returns how much of each cell masks cover, and how much they or what is near do.

    Args:
        masks: Tensor (N, H, W, 1) in [0, 1].
        grid: Tuple of height and width in cells; may be tensors.

    Returns:
        Tuple of tensors (N, h, w, 1): the share of a cell in masks, and that within
        half a cell of them.
    """
    height, width = grid
    halves = resize_area(masks, (2 * height, 2 * width))
    near = ops.max_pool(halves, 3, 1, padding="same")
    return tuple(ops.average_pool(each, 2, 2) for each in (halves, near))


def _nearness(covered):
    """Returns how near (N, h, w, 1) cells are to those that masks cover, up to 1.

    Beyond the border nothing is covered, so that a part of a picture is as it would be
    alone.
    """
    near = ops.stop_gradient(covered[..., 0])
    sides = ops.sqrt(ops.sum(near, axis=(1, 2)))
    deviation = ops.maximum(_REACH * sides, 0.5)[:, None, None]
    for equation, length in zip(("nyh,nhw->nyw", "nxw,nyw->nyx"), grid_of(covered)):
        places = ops.arange(length, dtype=near.dtype)
        distances = (places[:, None] - places) / deviation
        near = ops.einsum(equation, ops.exp(-0.5 * ops.square(distances)), near)
    near = near / ops.maximum(ops.max(near, axis=(1, 2), keepdims=True), 1e-12)
    return near[..., None]


def _direction(vectors):
    """Returns vectors (..., D) of length 1; zeros stay zeros."""
    squared = ops.sum(ops.square(vectors), axis=-1, keepdims=True)
    return vectors * ops.rsqrt(squared + 1e-12)
