"""The area band: a mask that covers at least a share of the image, at most another."""

from keras import ops

from keras_explainer.losses.reduction import reduce_batch


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
    class_masks = ops.convert_to_tensor(class_masks)
    labels = ops.cast(labels, class_masks.dtype)
    height, width, classes = class_masks.shape[1:]
    pixels = height * width
    least, most = int(min_area * pixels), int(max_area * pixels)
    values = ops.reshape(class_masks, (-1, pixels, classes))
    values = ops.transpose(values, (0, 2, 1))
    total = ops.sum(values, axis=-1)
    largest = ops.top_k(values, max(least, most, 1), sorted=True)[0]
    missing = least - ops.sum(largest[..., :least], axis=-1)
    excess = total - ops.sum(largest[..., :most], axis=-1)
    per_image = ops.sum(labels * (missing + excess) / pixels, axis=-1)
    if class_reduction == "mean":
        per_image = per_image / ops.maximum(ops.sum(labels, axis=-1), 1.0)
    elif class_reduction != "sum":
        raise ValueError(
            'Argument `class_reduction` should be "sum" or "mean". '
            f"Received: {class_reduction!r}"
        )
    return reduce_batch(per_image, reduction)
