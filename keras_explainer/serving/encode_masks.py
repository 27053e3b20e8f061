"""Masks to PNG files, each at the size of its own picture, inside the served graph."""

import tensorflow as tf

from keras_explainer.image_operations.resize import resize_area


def make_masks(logits, size, threshold=None):
    """Returns masks of mask logits.

    Args:
        logits: Tensor (N, h, w, K) of mask logits, enlarged by the explainer.
        size: Tuple, or int32 tensor (2,), of height and width of the masks.
        threshold: float from which a mask counts as 1 and below as 0, or None to
            keep it as it is.

    Returns:
        float32 tensor (N, height, width, K) in [0, 1].
    """
    size = tuple(tf.unstack(size)) if tf.is_tensor(size) else size
    masks = tf.sigmoid(resize_area(logits, size))
    if threshold is None:
        return masks
    return tf.cast(masks >= threshold, tf.float32)


def encode_masks(logits, sizes, threshold=None):
    """Encodes masks as grey PNG files, level 255 for a mask of 1.

    Args:
        logits: Tensor (N, h, w, K) of mask logits.
        sizes: int32 tensor (N, 2), height and width of each image.
        threshold: As in `make_masks`.

    Returns:
        String tensor (N, K).
    """

    def encode(logits_and_size):
        mask_logits, size = logits_and_size
        masks = make_masks(mask_logits[None], size, threshold)
        return tf.io.encode_png(tf.cast(tf.round(255.0 * masks[0]), tf.uint8))

    # One mask after the other: large pictures then take memory for one mask only.
    height, width, count = logits.shape[1:]
    one_each = tf.reshape(tf.transpose(logits, (0, 3, 1, 2)), (-1, height, width, 1))
    files = tf.map_fn(
        encode,
        (one_each, tf.repeat(sizes, count, axis=0)),
        fn_output_signature=tf.TensorSpec((), tf.string),
        parallel_iterations=2,
    )
    return tf.reshape(files, (-1, count))
