"""A function from images to scores that cannot be read, as one operation."""

from keras import ops

from keras_explainer import backend


class OpaqueCall:
    """Calls a subclassed model, a `TFSMLayer` or any function on a batch of images.

    What the backend cannot trace, such as a function of NumPy arrays, is called as it
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
        with backend.outside_graph():
            answer = function(ops.zeros((1, *image_shape)))
        self.outputs = int(_scores(answer).shape[-1])
        self.run = backend.opaque_operation(
            function, _scores, image_shape, self.outputs
        )

    def __call__(self, images, **kwargs):
        return self.run(images, **kwargs)


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
