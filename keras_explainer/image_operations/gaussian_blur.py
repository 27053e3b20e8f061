"""Gaussian blur of images, channel by channel."""

import numpy as np
from keras import ops


def gaussian_blur(images, sigma, radius=None):
    """Blurs images; at the border only pixels inside the image are averaged.

    Args:
        images: float32 tensor (N, H, W, channels).
        sigma: float or tensor (), pixels. Standard deviation; 0 blurs nothing.
        radius: int, pixels, or None. Where the Gaussian is cut off on each side.

    Returns:
        float32 tensor (N, H, W, channels).

    Example:

    >>> tuple(gaussian_blur(ops.ones((1, 8, 8, 3)), sigma=2.0).shape)
    (1, 8, 8, 3)
    """
    if not ops.is_tensor(sigma) and sigma == 0:
        return images
    rows, columns = (_inside(size, sigma, radius) for size in ops.shape(images)[1:3])
    return _blurred(images, rows, columns)


def reflecting_gaussian_blur(images, sigma):
    """Blurs images, which go on reflected beyond their border, up to two deviations.

    Args:
        images: float32 tensor (N, H, W, channels) of known size.
        sigma: float, pixels. Standard deviation.

    Returns:
        float32 tensor (N, H, W, channels).

    Example:

    >>> tuple(reflecting_gaussian_blur(ops.ones((1, 8, 8, 3)), sigma=2.0).shape)
    (1, 8, 8, 3)
    """
    rows, columns = (_reflecting(size, sigma) for size in images.shape[1:3])
    return _blurred(images, rows, columns)


def _blurred(images, rows, columns):
    images = ops.einsum("yh,nhwc->nywc", rows, images)
    return ops.einsum("xw,nywc->nyxc", columns, images)


def _inside(size, sigma, radius):
    """The matrix that blurs along one axis; its rows sum up to 1."""
    place = ops.arange(size, dtype="float32")
    distance = ops.abs(place[:, None] - place)
    weights = ops.exp(-0.5 * (distance / sigma) ** 2)
    if radius is not None:
        weights = ops.where(distance <= radius, weights, 0.0)
    return weights / ops.sum(weights, axis=1, keepdims=True)


def _reflecting(size, sigma):
    """The matrix that blurs along one axis, with the image reflected at its ends."""
    radius = min(int(2 * sigma), size - 1)
    weights = np.exp(-0.5 * (np.arange(-radius, radius + 1) / sigma) ** 2)
    reflected = np.pad(np.eye(size), ((radius, radius), (0, 0)), "reflect")
    shifted = [reflected[start : start + size] for start in range(len(weights))]
    return np.tensordot(weights / weights.sum(), shifted, 1).astype("float32")
