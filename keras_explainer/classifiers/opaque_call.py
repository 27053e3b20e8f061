"""A function from images to scores that cannot be read, as one operation."""

import numpy as np
import tensorflow as tf


class OpaqueCall:
    """Calls a subclassed model, a `TFSMLayer` or any function on a batch of images.

    What TensorFlow cannot trace, such as a function of NumPy arrays, is called as it
    is, and has no gradient.

    Args:
        function: A callable from images (N, H, W, channels) to scores (N, C), or (N,)
            of a binary classifier.
        image_shape: Tuple (H, W, channels).

    Raises:
        ValueError: If it does not return one array of scores.
    """

    def __init__(self, function, image_shape):
        self.function = function
        self.name = getattr(function, "name", None) or getattr(
            function, "__name__", type(function).__name__
        )
        self.weights = list(getattr(function, "weights", ()))
        with tf.init_scope():
            images = tf.zeros((1, *image_shape))
            self.outputs = int(_scores(function(images)).shape[-1])
            # As it is if that will do: AutoGraph tells of each lambda it cannot read.
            as_it_is = tf.autograph.experimental.do_not_convert(function)
            self.traced = next(
                (f for f in (as_it_is, function) if _traces(f, image_shape)), None
            )

    def __call__(self, images, **kwargs):
        if self.traced is not None:
            return _scores(self.traced(images, **kwargs))
        scores = tf.numpy_function(
            lambda images: np.asarray(_scores(self.function(images)), "float32"),
            [images],
            "float32",
        )
        return tf.ensure_shape(scores, (None, self.outputs))


def _scores(answer):
    """Returns the scores (N, C) out of what a classifier answers."""
    if isinstance(answer, dict):
        answer = list(answer.values())
    if isinstance(answer, (list, tuple)) and len(answer) == 1:
        (answer,) = answer
    if not hasattr(answer, "shape") or len(answer.shape) not in (1, 2):
        received = (
            f"shape {tuple(answer.shape)}"
            if hasattr(answer, "shape")
            else f"a {type(answer).__name__} of {len(answer)} outputs"
            if isinstance(answer, (list, tuple))
            else type(answer).__name__
        )
        raise ValueError(
            "Argument `classifier` should return class scores of shape (N, C). "
            f"Received: {received}"
        )
    return answer if len(answer.shape) == 2 else answer[:, None]


def _traces(function, image_shape):
    spec = tf.TensorSpec((None, *image_shape), "float32")
    try:
        traced = tf.function(lambda images: _scores(function(images)))
        return tf.is_tensor(traced.get_concrete_function(spec).structured_outputs)
    # What a function of arrays makes of a tensor without values is its own affair.
    except Exception:
        return False
