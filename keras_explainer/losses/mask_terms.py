"""Terms of masks: which merge, how large they are, and how smooth."""

from keras import ops

from keras_explainer import backend
from keras_explainer.check_option import check_choice
from keras_explainer.image_operations.resize import resize_antialiased
from keras_explainer.losses.reduction import reduce_batch

# The sigmoid of this is 0 to float precision: an empty set of classes.
_EMPTY = -1e4


def aggregate_masks(class_logits, labels):
    """Merges class masks into the mask of the labelled classes and of the others.

    The maximum is taken over the logits of a set of classes, and the sigmoid of
    it returned. An empty set (an image without labels, or with all of them) gives
    a mask of zeros.

    Args:
        class_logits: Tensor (N, H, W, C), the class masks before the sigmoid.
        labels: Multi-hot tensor (N, C) of 0 and 1.

    Returns:
        Tuple of the target mask and the non-target mask, both (N, H, W) in [0, 1].

    Example:

    >>> class_logits = np.array([[[[10.0, -10.0, 0.0]]]])
    >>> target, non_target = aggregate_masks(class_logits, np.array([[1, 0, 0]]))
    >>> round(float(target[0, 0, 0]), 4), float(non_target[0, 0, 0])
    (1.0, 0.5)

    Reference:
        Stalder et al., "What You See is What You Classify", NeurIPS 2022.
    """
    class_logits = ops.convert_to_tensor(class_logits)
    target = merged_logits(class_logits, labels)
    non_target = merged_logits(class_logits, 1 - ops.cast(labels, "int32"))
    return ops.sigmoid(target), ops.sigmoid(non_target)


def merged_logits(class_logits, chosen):
    """Returns the maximum (N, H, W) of the mask logits of the classes chosen (N, C)."""
    chosen = ops.cast(chosen, "bool")[:, None, None, :]
    empty = ops.cast(_EMPTY, class_logits.dtype)
    return ops.max(ops.where(chosen, class_logits, empty), axis=-1)


def area_loss(
    class_masks,
    labels,
    min_area=0.05,
    max_area=0.3,
    class_reduction="sum",
    reduction="mean",
):
    """Penalises class masks outside an area band.

    Of the pixels of a mask in descending order, the share `min_area` should be 1
    and all beyond the share `max_area` should be 0; nothing is asked in between.
    Only the classes present in an image count. The authors' code sums over them, so
    that an image with five labels counts five times (the default here, to compute
    the same); `class_reduction="mean"` weighs all images alike.

    Since masks are in [0, 1], two sums of largest values and one total give the
    authors' sorted form exactly.

    Args:
        class_masks: Tensor (N, H, W, C) in [0, 1].
        labels: Multi-hot tensor (N, C).
        min_area: float in [0, 1]. Share of the pixels that should be 1.
        max_area: float in [0, 1]. Share beyond which they should be 0.
        class_reduction: "sum" or "mean" over the classes present.
        reduction: "mean" over the batch, or "none" for one value per image.

    Returns:
        A scalar, or a tensor (N,).

    Example:

    >>> masks = np.zeros((1, 10, 10, 1))
    >>> round(float(area_loss(masks, np.array([[1]]))), 4)  # 5 of 100 pixels missing
    0.05

    Reference:
        Stalder et al., "What You See is What You Classify", NeurIPS 2022.
    """
    check_choice("class_reduction", class_reduction, ("sum", "mean"))
    class_masks = ops.convert_to_tensor(class_masks)
    labels = ops.cast(labels, class_masks.dtype)
    height, width, classes = class_masks.shape[1:]
    pixels = height * width
    least, most = int(min_area * pixels), int(max_area * pixels)
    values = ops.reshape(class_masks, (-1, pixels, classes))
    values = ops.transpose(values, (0, 2, 1))
    sum_of_least, sum_of_most = _sums_of_largest(values, labels, (least, most))
    excess = ops.sum(values, axis=-1) - sum_of_most
    per_image = ops.sum(labels * (least - sum_of_least + excess) / pixels, axis=-1)
    if class_reduction == "mean":
        per_image = per_image / ops.maximum(ops.sum(labels, axis=-1), 1.0)
    return reduce_batch(per_image, reduction)


def _sums_of_largest(values, labels, counts):
    """Returns sums of the largest values (N, C, pixels), of as many as counts say.

    They are 0 for classes that are not present: the other masks alone are sorted, and
    that without a gradient, which XLA could not compile.
    """

    def smallest_of_largest(found):
        largest = ops.top_k(ops.stop_gradient(found), max(*counts, 1), sorted=True)[0]
        return [largest[:, n - 1] if n else largest[:, 0] + 1.0 for n in counts]

    sums = []
    lasts = backend.of_rows_where(labels > 0, smallest_of_largest, values)
    for count, last in zip(counts, lasts):
        last = last[..., None]
        above = ops.where(values >= last, values - last, 0.0)
        sums.append(ops.sum(above, axis=-1) + count * last[..., 0])
    return sums


def total_variation(masks, reduction="mean"):
    """Computes the mean absolute difference between neighbouring pixels.

    This is what the authors' code computes with a convolution over reflect padding:
    the difference at the last row and column is counted a second time, and the sum
    divided by all pixels. The finer the grid, the smaller it is for the same mask;
    `outline_length` does not depend on that.

    Args:
        masks: Tensor (N, H, W).
        reduction: "mean" over the batch, or "none" for one value per image.

    Returns:
        A scalar, or a tensor (N,): the vertical plus the horizontal term.

    Example:

    >>> checkerboard = np.indices((4, 4)).sum(axis=0)[None] % 2
    >>> float(total_variation(checkerboard.astype("float32")))
    2.0

    Reference:
        Stalder et al., "What You See is What You Classify", NeurIPS 2022.
    """
    masks = ops.convert_to_tensor(masks)
    down = ops.abs(masks[:, 1:, :] - masks[:, :-1, :])
    right = ops.abs(masks[:, :, 1:] - masks[:, :, :-1])
    down = ops.concatenate([down, down[:, -1:, :]], axis=1)
    right = ops.concatenate([right, right[:, :, -1:]], axis=2)
    per_image = ops.mean(down, axis=(1, 2)) + ops.mean(right, axis=(1, 2))
    return reduce_batch(per_image, reduction)


def outline_length(masks, reduction="mean"):
    """Computes how long the outlines of masks are, in sides of the image.

    It is the total variation, each pair of neighbours counted once, in units that do
    not depend on the cells: an outline's horizontal parts are measured in widths of
    the image, its vertical ones in heights. So a mask has the same value on a grid
    twice as fine. Of a soft mask it is the mean length over all thresholds.

    Args:
        masks: Tensor (N, h, w) in [0, 1].
        reduction: "mean" over the batch, or "none" for one value per image.

    Returns:
        A scalar, or a tensor (N,).

    Example:

    >>> square = np.zeros((1, 8, 8), "float32")
    >>> square[:, 2:6, 2:6] = 1.0  # four sides, of half the image's each
    >>> float(outline_length(square))
    2.0
    """
    masks = ops.convert_to_tensor(masks)
    per_image = sum(_length(_differences(masks, axis), axis) for axis in (1, 2))
    return reduce_batch(per_image, reduction)


def edge_aware_variation(masks, images, bandwidth=0.05, reduction="mean"):
    """Computes how long the outlines of masks are, less at the edges of the image.

    As `outline_length`, but the difference of two neighbours weighs
    exp(-d^2 / (2 bandwidth^2)), with d the distance of their colours, so that a mask
    costs nothing to end where an object ends. On a grid twice as fine the value is
    the same where the image is flat or has clear edges along the cells, and else about
    the same: a slow change of colour is smaller from one fine cell to the next.

    Args:
        masks: Tensor (N, h, w).
        images: Tensor (N, H, W, channels), averaged over the masks' cells.
        bandwidth: float. Distance at which an edge starts to count, as a share of
            the image's range of values.
        reduction: "mean" over the batch, or "none" for one value per image.

    Returns:
        A scalar, or a tensor (N,).

    Example:

    >>> step = np.float32([[[0, 0, 1, 1]] * 4])
    >>> float(edge_aware_variation(step, np.zeros((1, 4, 4, 3))))  # one height long
    1.0
    >>> float(edge_aware_variation(step, step[..., None])) < 1e-6  # same edge
    True
    """
    masks = ops.convert_to_tensor(masks)
    height, width = masks.shape[1:]
    colors = ops.cast(images, masks.dtype)
    if tuple(colors.shape[1:3]) != (height, width):
        colors = resize_antialiased(colors, (height, width))
    low, high = (f(colors, (1, 2, 3), keepdims=True) for f in (ops.min, ops.max))
    scale = ops.maximum(bandwidth * (high - low), 1e-6)
    per_image = 0.0
    for axis in (1, 2):
        distances = ops.square(_differences(colors, axis) / scale)
        weights = ops.exp(-0.5 * ops.sum(distances, axis=-1))
        per_image += _length(weights * _differences(masks, axis), axis)
    return reduce_batch(per_image, reduction)


def _differences(maps, axis):
    """Returns the differences of neighbours along an axis of maps (N, h, w, ...)."""
    index = (slice(None),) * axis
    return maps[(*index, slice(1, None))] - maps[(*index, slice(None, -1))]


def _length(differences, axis):
    """Returns what differences along an axis add up to, a mean over the other one."""
    return ops.mean(ops.sum(ops.abs(differences), axis=axis), axis=-1)
