"""A check of what a server feeds, inside the served graph."""

import tensorflow as tf


def checked_list(name, values):
    """Returns values of shape (N,), or fails with a sentence when run on others.

    A server's session takes an array of any rank for any input.

    Args:
        name: String, the name of the input.
        values: Tensor.
    """
    # Hidden, for a graph that believes to know the rank answers before it looks.
    values = tf.raw_ops.PlaceholderWithDefault(input=values, shape=tf.TensorShape(None))
    shape = tf.shape(values)
    message = tf.strings.format(
        f"Input `{name}` should have the shape (N,). Received: shape {{}}", shape
    )
    is_list = tf.debugging.Assert(tf.equal(tf.size(shape), 1), [message])
    with tf.control_dependencies([is_list]):
        return tf.ensure_shape(values, (None,))
