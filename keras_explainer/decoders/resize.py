"""Resizing that is safe in every precision and with open sizes."""

import tensorflow as tf
from keras import ops


def resize_to(maps, size, interpolation="bilinear"):
    """Resizes maps (N, h, w, K) to a size, in float32.

    XLA refuses the gradient of bilinear resizing in mixed precision, hence float32.

    Args:
        maps: Tensor (N, h, w, K).
        size: Tuple of height and width; may be tensors.
        interpolation: "bilinear" or "nearest".
    """
    if any(tf.is_tensor(length) for length in size):
        # Keras takes no sizes that are known only when the graph runs.
        return tf.image.resize(ops.cast(maps, "float32"), tf.stack(size), interpolation)
    if tuple(maps.shape[1:3]) == tuple(size):
        return maps
    return ops.image.resize(ops.cast(maps, "float32"), size, interpolation)
