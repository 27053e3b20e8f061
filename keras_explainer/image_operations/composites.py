"""Composites: pictures made of several images of a batch, side by side or pasted in."""

from keras import ops

from keras_explainer import backend
from keras_explainer.image_operations.resize import grid_of

# Where a cut lies, and how long an inset is, in sides of the picture: so that no part
# is too small to be recognised in, and none takes nearly all.
_CUT = (0.35, 0.65)
# Shares of the pictures that are cut into two to four parts, and of the halves of
# those that are cut once more; the other pictures have an inset.
_CUT_UP, _CUT_AGAIN = 2 / 3, 1 / 2
_PARTS = 4


def composites(images, is_whole, share, step):
    """Replaces a share of the images by composites of themselves and others.

    Of a composite is known which class is seen where. So a mask learns whose it is also
    from data that have one label for each image, where the masks of "the object" and of
    "this class" are the same.

    A picture is cut in two, each half once more or not at all; or it has an inset,
    which is then the image that is replaced. What does not fit is squeezed and cropped,
    by the same ratio.

    Args:
        images: Tensor (N, H, W, channels).
        is_whole: Boolean tensor (N,). Whether an image may be a part; the others stay
            as they are, and are nowhere seen.
        share: float in [0, 1]. Share of the images that are replaced, rounded down.
        step: int tensor (). On it alone the draw depends (`StepSeed.of_step`).

    Returns:
        Tuple of the images (N, H, W, channels), the places in the batch (N, 4) of those
        that each is made of: first the one that it replaces, and the same again for
        parts that it does not have; the share (N,) of the picture that this first one
        is seen in, and where it is, (N, H, W) of 1 and 0; both are 1 of images that
        stay as they are.
    """
    count = ops.shape(images)[0]
    if isinstance(count, int):
        drawn = int(share * count)
    else:
        drawn = ops.cast(share * ops.cast(count, "float32"), "int32")

    def draw(salt, width, low=0.0, high=1.0):
        return backend.uniform_per_image((count, width), [step, 40 + salt], low, high)

    # In an order of chance, but first those that may be a part.
    usable = ops.cast(is_whole, "float32")
    order = ops.argsort(draw(0, 1)[:, 0] - 2.0 * usable)
    parts = ops.cast(ops.sum(usable), "int32")
    rank = ops.arange(drawn, dtype="int32")[:, None]
    can_be = (rank < parts) & (parts > 1)
    others = (rank + ops.arange(_PARTS, dtype="int32")) % ops.maximum(parts, 1)
    replaced = order[:drawn, None]
    boxes = _boxes(draw(1, 5, *_CUT)[:drawn], draw(2, 8)[:drawn])
    is_seen = can_be & ops.all(boxes[..., 1] > boxes[..., 0], axis=1)
    sources = ops.where(is_seen, ops.take(order, others), replaced)
    pictures, first = _composed(images, sources, boxes)
    pictures = ops.where(
        can_be[..., None, None], pictures, ops.take(images, replaced[:, 0], axis=0)
    )
    first = ops.where(can_be[..., None], first, 1.0)
    sides = boxes[:, :, 0, 1] - boxes[:, :, 0, 0]
    shares = ops.where(can_be[:, 0], ops.prod(sides, axis=1), 1.0)
    as_they_are = (
        images,
        ops.tile(ops.arange(count, dtype="int32")[:, None], (1, _PARTS)),
        ops.ones(count),
        ops.ones(ops.shape(images)[:3]),
    )
    return tuple(
        ops.scatter_update(values, replaced, new)
        for values, new in zip(as_they_are, (pictures, sources, shares, first))
    )


def _boxes(lengths, chances):
    """Returns where the parts of pictures begin and end, (n, 2, 4, 2): for each axis.

    In sides of the picture; what begins where it ends is not there. Only the first may
    lie upon another.

    Args:
        lengths: Tensor (n, 5) of cuts and of the sides of an inset.
        chances: Tensor (n, 8) in [0, 1].
    """
    cut, first, second, height, width = ops.split(lengths, 5, axis=1)
    zero, one = ops.zeros_like(cut), ops.ones_like(cut)
    first = ops.where(chances[:, :1] < _CUT_AGAIN, first, one)
    second = ops.where(chances[:, 1:2] < _CUT_AGAIN, second, one)
    cut_up = _of_both_axes(
        [zero, cut, zero, cut, cut, one, cut, one],
        [zero, first, first, one, zero, second, second, one],
    )
    top, left = chances[:, 2:3] * (1 - height), chances[:, 3:4] * (1 - width)
    around = [zero, zero, zero, one, zero, zero]
    inset = _of_both_axes([top, top + height, *around], [left, left + width, *around])
    choice = chances[:, :, None, None]
    ends = ops.where(choice[:, 4:5] < _CUT_UP, cut_up, inset)
    # Any part may be the first one: pictures are mirrored, and their axes swapped.
    is_mirrored = choice[:, 5:7] < 0.5
    ends = ops.where(is_mirrored, 1.0 - ops.flip(ends, axis=-1), ends)
    return ops.where(choice[:, 7:8] < 0.5, ops.flip(ends, axis=1), ends)


def _of_both_axes(down, across):
    """Returns where parts begin and end, lists of (n, 1), as one tensor."""
    ends = ops.stack([ops.concatenate(axis, axis=1) for axis in (down, across)], axis=1)
    return ops.reshape(ends, (-1, 2, _PARTS, 2))


def _composed(images, sources, boxes):
    """Returns pictures (n, H, W, channels) of the images (n, 4) in the boxes.

    And where the first of them is seen, (n, H, W) of 1 and 0.
    """
    size = grid_of(images)
    sides = ops.cast(ops.stack(size), "float32")
    # On whole pixels, so that no pixel shows two images.
    ends = ops.round(boxes * sides[:, None, None])
    lengths = ops.maximum(ends[..., 1] - ends[..., 0], 1.0)
    share = lengths / sides[:, None]
    # Half of what an image is too long by is cropped, and half squeezed.
    ratio = ops.sqrt(share / ops.flip(share, axis=1))
    windows = ops.minimum(ratio, 1.0) * sides[:, None]
    picture = 0.0
    for part in range(_PARTS):
        rows, columns = (
            samples(size[axis], ends[:, axis, part], windows[:, axis, part])
            for axis in (0, 1)
        )
        image = ops.take(images, sources[:, part], axis=0)
        image = ops.einsum("nyh,nhwc->nywc", rows, image)
        image = ops.einsum("nxw,nywc->nyxc", columns, image)
        if part == 0:
            inside = (ops.any(weights > 0, axis=2) for weights in (rows, columns))
            first = ops.einsum("ny,nx->nyx", *(ops.cast(i, "float32") for i in inside))
            picture = image
        else:
            picture = picture + (1.0 - first[..., None]) * image
    return picture, first


def samples(length, ends, window, middle=None):
    """Returns the weights (n, length, length) of an image's pixels in a picture's.

    They are those of antialiased bilinear resizing of a window of the image to what
    lies between two ends in the picture, and 0 beyond.

    Args:
        length: int, of the side of both.
        ends: Tensor (n, 2), in pixels.
        window: Tensor (n,), its length in pixels.
        middle: Tensor (n,), that of the window in pixels, or None for the image's.
    """
    pixels = ops.arange(length, dtype="float32") + 0.5
    low, high, window = ends[:, :1], ends[:, 1:], window[:, None]
    middle = ops.cast(length, "float32") / 2 if middle is None else middle[:, None]
    step = window / ops.maximum(high - low, 1.0)
    places = middle - window / 2 + (pixels - low) * step
    distances = ops.abs(pixels - places[..., None])
    weights = ops.maximum(1.0 - distances / ops.maximum(step, 1.0)[..., None], 0.0)
    weights = weights / ops.maximum(ops.sum(weights, axis=2, keepdims=True), 1e-6)
    inside = (pixels > low) & (pixels < high)
    return weights * ops.cast(inside, "float32")[..., None]
