"""A batch of a step, as tensors of known shapes, and what is sound about it."""

from typing import Any
from typing import NamedTuple

import keras
from keras import ops

from keras_explainer import backend
from keras_explainer.inputs.images import with_image_shape
from keras_explainer.inputs.labels import labels_are_valid
from keras_explainer.inputs.labels import multi_hot_labels


class Batch(NamedTuple):
    """A batch; of a device that got no images, one image that does not count.

    Args:
        images: float32 tensor (N, H, W, channels).
        others: Tuple of tensors (N, ...), the classifier's other inputs.
        labels: Multi-hot tensor (N, C), or None.
        weights: float32 tensor (size,), or None.
        size: int tensor (), the number of images that count.
        sound: Dict from names of `BatchCheck.PROBLEMS` to Boolean tensors ().
    """

    images: Any
    others: tuple
    labels: Any
    weights: Any
    size: Any
    sound: dict


def read_batch(data, inputs, image_shape, num_classes):
    """Reads what Keras hands to a step.

    Args:
        data: Images, or a tuple of images, labels and weights.
        inputs: `ModelInputs` of the classifier. Of several, all are "images" here.
        image_shape: Tuple of the height, width and channels expected, None if open.
        num_classes: int, C.

    Returns:
        A `Batch`.
    """
    x, labels, weights = keras.utils.unpack_x_y_sample_weight(data)
    images, others = inputs.split(inputs.in_order(x, "x"))
    if weights is not None:
        weights = ops.reshape(ops.cast(weights, "float32"), (-1,))
    images = with_image_shape(ops.convert_to_tensor(images), image_shape)
    images, size = ops.cast(images, "float32"), ops.shape(images)[0]
    sound = {"images": ops.all(ops.isfinite(images))}
    if labels is not None:
        labels = backend.with_known_shape(
            ops.convert_to_tensor(labels), size, num_classes
        )
        sound["labels"] = labels_are_valid(labels, num_classes)
        labels = backend.at_least_one(multi_hot_labels(labels, num_classes))
    images, *others = map(backend.at_least_one, (images, *others))
    return Batch(images, tuple(others), labels, weights, size, sound)
