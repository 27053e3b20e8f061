"""How alike two maps are: rank correlation and structural similarity."""

import numpy as np
import tensorflow as tf

from keras_explainer.metrics.deletion_correlation import pearson
from keras_explainer.metrics.map_arrays import as_maps


def spearman(maps, others):
    """Computes the rank correlation of two maps, per image.

    Args:
        maps: Array or tensor (N, H, W) or (N, H, W, 1), of any range.
        others: Array or tensor of the same size.

    Returns:
        float64 array (N,) in [-1, 1]; NaN where a map is constant.

    Raises:
        ValueError: If the shapes do not suit each other.

    Example:

    >>> maps = np.array([[[0.1, 0.2], [0.3, 0.4]]])
    >>> spearman(maps, maps**2).round(6).tolist()
    [1.0]
    """
    maps, others = _pair(maps, others)
    return pearson(_mean_ranks(maps), _mean_ranks(others))


def structural_similarity(maps, others):
    """Computes the structural similarity of two maps, each scaled to 0 ... 1.

    Args:
        maps: Array or tensor (N, H, W) or (N, H, W, 1), of any range.
        others: Array or tensor of the same size.

    Returns:
        float32 array (N,) in [-1, 1].

    Raises:
        ValueError: If the shapes do not suit each other.

    Example:

    >>> maps = np.random.default_rng(0).uniform(size=(1, 16, 16))
    >>> structural_similarity(maps, 2 * maps + 1).round(4).tolist()
    [1.0]

    Reference:
        Wang et al., "Image Quality Assessment: From Error Visibility to Structural
        Similarity", TIP 2004.
    """
    maps, others = (_stretched(part) for part in _pair(maps, others))
    # The usual window of 11 pixels, or what fits into small maps.
    window = min(11, *maps.shape[1:3])
    return tf.image.ssim(maps, others, max_val=1.0, filter_size=window).numpy()


def _pair(maps, others):
    maps = np.asarray(as_maps(maps, "maps"))
    others = np.asarray(as_maps(others, "others"))
    if maps.shape != others.shape:
        raise ValueError(
            f"Argument `others` should have the shape of the maps, {maps.shape}. "
            f"Received: shape {others.shape}"
        )
    return maps, others


def _mean_ranks(maps):
    """Returns the ranks (N, H * W) of the pixels, equal values sharing their mean."""
    flat = tf.reshape(maps, (len(maps), -1))
    in_order = tf.sort(flat, axis=1)
    below = tf.searchsorted(in_order, flat, side="left")
    up_to = tf.searchsorted(in_order, flat, side="right")
    return (below + up_to).numpy() / 2


def _stretched(maps):
    low = maps.min(axis=(1, 2), keepdims=True)
    span = maps.max(axis=(1, 2), keepdims=True) - low
    return ((maps - low) / np.where(span > 0, span, 1))[..., None]
