"""Bilinear resizing that is safe in every precision and with open sizes."""

import tensorflow as tf
from keras import ops


def resize_to(maps, size):
    """Resizes maps (N, h, w, K) bilinearly to a size, in float32.

    XLA refuses the gradient of bilinear resizing in mixed precision, hence float32.

    Args:
        maps: Tensor (N, h, w, K).
        size: Tuple of height and width; may be tensors.
    """
    if tuple(maps.shape[1:3]) == tuple(size):
        return maps
    maps = ops.cast(maps, "float32")
    if any(tf.is_tensor(length) for length in size):
        # Keras takes no sizes that are known only when the graph runs.
        return tf.image.resize(maps, tf.stack(size))
    return ops.image.resize(maps, size, interpolation="bilinear")
