"""Checks of what a server feeds, inside the served graph."""

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


def checked_images(images):
    """Returns images, or fails with a sentence if there are none, or not finite ones.

    Args:
        images: Tensor (N, H, W, 3).
    """
    # The C++ session does not compare what it is fed with the signature.
    images = tf.ensure_shape(images, images.shape)
    checks = [
        tf.debugging.Assert(
            tf.shape(images)[0] > 0,
            ["Input `images` should hold at least one image. Received: none"],
        ),
        tf.debugging.Assert(
            tf.reduce_all(tf.math.is_finite(images)),
            ["Input `images` should be finite. Received: NaN or infinity"],
        ),
    ]
    with tf.control_dependencies(checks):
        return tf.identity(images)


def checked_targets(targets, num_images, num_classes):
    """Returns one class per image, or fails with a sentence if they are others.

    Args:
        targets: Tensor (N,).
        num_images: int Tensor (), N.
        num_classes: int.
    """
    targets = checked_list("targets", targets)
    one_each = tf.equal(tf.shape(targets)[0], num_images)
    inside = tf.reduce_all((targets >= 0) & (targets < num_classes))
    expected = f"one class per image, from 0 to {num_classes - 1}"
    message = tf.strings.format(
        f"Input `targets` should hold {expected}. Received: {{}} for {{}} images",
        (targets, num_images),
    )
    valid = tf.debugging.Assert(one_each & inside, [message])
    with tf.control_dependencies([valid]):
        return tf.identity(targets)
