"""Total variation: smooth masks have less of it."""

from keras import ops

from keras_explainer.losses.reduction import reduce_batch


def total_variation(masks, border="reflect", reduction="mean"):
    """Computes the mean absolute difference between neighbouring pixels.

    With the defaults this is what the authors' code computes with a convolution
    over reflect padding: the difference at the last row and column is counted a
    second time, and the sum divided by all pixels. `border="valid"` counts each
    pair once and divides by the number of pairs.

    Args:
        masks: Tensor (N, H, W).
        border: "reflect" or "valid".
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
    if border == "reflect":
        down = ops.concatenate([down, down[:, -1:, :]], axis=1)
        right = ops.concatenate([right, right[:, :, -1:]], axis=2)
    elif border != "valid":
        raise ValueError(
            f'Argument `border` should be "reflect" or "valid". Received: {border!r}'
        )
    per_image = ops.mean(down, axis=(1, 2)) + ops.mean(right, axis=(1, 2))
    return reduce_batch(per_image, reduction)
