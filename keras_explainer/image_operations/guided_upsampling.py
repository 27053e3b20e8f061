"""Enlarging mask logits along the edges of the image itself."""

from keras import ops

from keras_explainer.image_operations.resize import grid_of
from keras_explainer.image_operations.resize import resize_area
from keras_explainer.image_operations.resize import resize_bilinear

# The widest window reaches this many cells to each side, a narrow grid's a sixth of it.
_REACH = 5
_SHARE_OF_GRID = 6
# How much of the image's variance counts as noise.
_NOISE = 0.003
# Beyond it a logit says no more than that a cell is certain, yet would outweigh others.
# It is the bound in the widest window; where there are fewer cells to outweigh, down to
# a narrow window, it is higher in proportion.
_CERTAIN = 6.0
_NARROW = 5  # cells
# Of a window whose colours vary by no more than this share of the image's variance, no
# colour tells what a cell should be: it stays as it is.
_EVEN = 0.1
# Colours are averaged over a pixel's neighbours as far as this share of a cell: what is
# finer is texture, which no cell can tell from an edge.
_TEXTURE = 6


def guided_upsampling(logits, images):
    """Enlarges mask logits to the size of images, changing where their colours do.

    In a window around each cell the logits are fitted as a linear function of the
    image's channels. These functions, averaged and enlarged, are then applied to the
    pixels. Where an image is even, logits stay as they are; texture finer than a third
    of a cell counts as even.

    Args:
        logits: Tensor (N, h, w, K) of mask logits.
        images: Tensor (N, H, W, channels), of any range of values.

    Returns:
        Tensor (N, H, W, K), float32.

    Example:

    >>> images = np.zeros((1, 16, 16, 1))
    >>> images[:, :, 7:] = 1  # an edge that no border of the cells lies on
    >>> logits = np.array([[-2.0, -2.0, -2.0, -1.0, 2.0, 2.0, 2.0, 2.0]] * 8)
    >>> enlarged = guided_upsampling(logits.reshape(1, 8, 8, 1), images)
    >>> (enlarged[0, 8, :, 0] > 0).numpy().astype(int).tolist()
    [0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 1, 1, 1, 1]

    Reference:
        He and Sun, "Fast Guided Filter", 2015; He et al., "Guided Image
        Filtering", ECCV 2010.
    """
    images = _without_texture(standardized(ops.cast(images, "float32")), logits)
    logits = ops.cast(logits, "float32")
    window = [_window(length) for length in logits.shape[1:3]]
    certain = _CERTAIN * _window(None) / max(*window, _NARROW)
    logits = _bounded(logits, certain)
    guide = resize_area(images, grid_of(logits))
    slopes, offset = _linear_functions(logits, guide, window)
    size = grid_of(images)
    enlarged = resize_bilinear(offset, size)
    for channel, slope in enumerate(slopes):
        enlarged = enlarged + images[..., channel, None] * resize_bilinear(slope, size)
    return enlarged


def _bounded(logits, most):
    """Bounds logits smoothly, which leaves those of up to half of that as they are."""
    ratio = ops.clip(logits / most, -1e3, 1e3)
    return most * ratio / (1.0 + ratio**4) ** 0.25


def _linear_functions(logits, guide, window):
    """Fits logits (N, h, w, K) to guide (N, h, w, channels) in a window of cells.

    Returns the slopes, one (N, h, w, K) for each channel, and the offset (N, h, w, K),
    which makes up for what is left where the guide is even.
    """

    def around(maps):
        return _means_around(maps, window)

    channels = guide.shape[-1]
    guide_mean, logits_mean = around(guide), around(logits)
    colors = ops.split(guide, channels, axis=-1)
    color_means = ops.split(guide_mean, channels, axis=-1)
    equations, values = [], []
    for channel, (color, mean) in enumerate(zip(colors, color_means)):
        noise = _NOISE * ops.eye(channels)[channel]
        equations.append(around(color * guide) - mean * guide_mean + noise)
        values.append(around(color * logits) - mean * logits_mean)
    slopes = _solve(equations, values)
    shift = sum(slope * mean for slope, mean in zip(slopes, color_means))
    slopes, offset = [around(slope) for slope in slopes], around(logits_mean - shift)
    left = logits - offset - sum(slope * color for slope, color in zip(slopes, colors))
    noisy = sum(row[..., c : c + 1] for c, row in enumerate(equations))
    even = _EVEN / (_EVEN + noisy - channels * _NOISE)
    return slopes, offset + around(even) * left


def _means_around(maps, window):
    # Padding does not count in these means.
    rows, columns = window
    maps = ops.average_pool(maps, (rows, 1), 1, padding="same")
    return ops.average_pool(maps, (1, columns), 1, padding="same")


def _solve(equations, values):
    """Solves positive definite systems by elimination.

    Plain arithmetic, since mobile runtimes have no operation for it.
    """
    rows = [ops.concatenate(row, axis=-1) for row in zip(equations, values)]
    for pivot in range(len(rows)):
        unit = rows[pivot] / rows[pivot][..., pivot : pivot + 1]
        rows = [row - row[..., pivot : pivot + 1] * unit for row in rows]
        rows[pivot] = unit
    return [row[..., len(rows) :] for row in rows]


def _window(length):
    reach = _REACH if length is None else min(_REACH, length // _SHARE_OF_GRID)
    return 2 * reach + 1


def _without_texture(images, logits):
    sides = zip(images.shape[1:3], logits.shape[1:3])
    # Of open sizes the cells are not known, nor is the image smoothed.
    cell = min(1 if None in side else side[0] // side[1] for side in sides)
    reach = cell // _TEXTURE
    return _means_around(images, (2 * reach + 1, 2 * reach + 1)) if reach else images


def standardized(images):
    """Returns images (N, H, W, channels) with a mean of 0 and a deviation of 1 each."""
    mean = ops.mean(images, axis=(1, 2, 3), keepdims=True)
    deviation = ops.std(images, axis=(1, 2, 3), keepdims=True)
    return (images - mean) / ops.maximum(deviation, 1e-6)
