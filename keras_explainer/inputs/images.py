"""Checks of the images that users hand over."""

import keras
import numpy as np
from keras import ops

from keras_explainer import backend
from keras_explainer.inputs.error_subject import error_subject
from keras_explainer.inputs.tensorflow_data import is_ragged


def as_images(images, argument="images"):
    """Returns images as one array or tensor.

    Args:
        images: Array, tensor, variable, or a list of images of one size.
        argument: String. Name of the argument, for the error.

    Raises:
        ValueError: If they are none of these.
    """
    if backend.is_variable(images):
        # Which of TensorFlow's own alone would stay a variable.
        return ops.stop_gradient(ops.convert_to_tensor(images))
    if is_ragged(images):
        raise ValueError(_one_size(argument, "a ragged tensor"))
    if backend.is_tensor(images):
        return images
    if isinstance(images, np.ndarray) and images.dtype == object and images.ndim == 1:
        images = list(images)
    if isinstance(images, (list, tuple)):
        images = [as_array(image) for image in images]
        sizes = sorted({np.shape(image) for image in images})
        if len(sizes) > 1 and all(len(size) == 3 for size in sizes):
            raise ValueError(_one_size(argument, f"{sizes[0]} and {sizes[1]}"))
    array = as_array(images)
    are_names = array is not None and array.ndim == 1 and array.dtype.kind in "US"
    if array is None or not array.ndim or are_names:
        raise ValueError(
            f"Argument `{argument}` should be images of shape (N, H, W, channels), or "
            f"a dataset of them. Received: {short_repr(images)}"
        )
    return array


def as_array(values):
    """Returns values as an array, or None where they are no array."""
    try:
        is_own = backend.is_tensor(values)
        return ops.convert_to_numpy(values) if is_own else np.asarray(values)
    except (NotImplementedError, TypeError, ValueError):
        return None


def short_repr(value):
    """Returns how an error shows what was received: in short."""
    if value is None or isinstance(value, (bool, int, float, str, bytes)):
        return repr(value)
    return f"a {type(value).__name__}"


def check_images(images, image_shape, argument=None):
    """Raises a ValueError if images do not suit the classifier.

    Args:
        images: Array or tensor (N, H, W, channels).
        image_shape: Tuple (H, W, channels) that is expected, None where it is open.
        argument: String, or None. Name of the argument that gave them, for the error.

    Raises:
        ValueError: If the shape or type is wrong or a value is not finite.
    """
    shape, subject = tuple(images.shape), error_subject("Images", argument)
    check_image_shape(shape, image_shape, argument)
    values = as_array(images)
    if values.dtype.kind not in "iufb" and values.dtype.name != "bfloat16":
        raise ValueError(f"{subject} should be numbers. Received: dtype {values.dtype}")
    if not values.size:
        raise ValueError(f"{subject} should hold at least one. Received: shape {shape}")
    if values.dtype.kind == "f" and not np.isfinite(values).all():
        raise ValueError(
            f"{subject} should be finite. Received: NaN or infinity in image "
            f"{int(np.argmin(np.isfinite(values).all(axis=(1, 2, 3))))}"
        )


def check_image_shape(shape, image_shape, argument=None):
    """Raises a ValueError if a shape is not that of images that a classifier takes.

    Args:
        shape: Tuple of what is known, None where it is open.
        image_shape: Tuple (H, W, channels) that is expected, None where it is open.
        argument: String, or None. Name of the argument that gave them, for the error.
    """
    if _suits(shape[1:], image_shape):
        return
    expected = ", ".join(str(size or "any") for size in image_shape)
    hint = _hint(shape, tuple(image_shape))
    raise ValueError(
        f"{error_subject('Images', argument)} should have the shape (N, {expected})"
        f"{hint}. Received: shape {shape}"
    )


def with_image_shape(images, image_shape):
    """Returns images of a graph with the shape that a classifier takes.

    Args:
        images: Tensor (N, H, W, channels), perhaps of sizes that are not known yet.
        image_shape: Tuple (H, W, channels) that is expected, None where it is open.

    Raises:
        ValueError: If it is known already that they do not suit.
    """
    shape = backend.known_shape(images)
    if shape is not None:
        check_image_shape(shape, image_shape)
    dtype = keras.backend.standardize_dtype(images.dtype)
    if not dtype.startswith(("float", "bfloat", "int", "uint", "bool")):
        raise ValueError(f"Images should be numbers. Received: {images.dtype!r}")
    return backend.with_shape(images, (None, *image_shape))


def _suits(sizes, image_shape):
    pairs = zip(sizes, image_shape)
    return len(sizes) == 3 and all(None in pair or len({*pair}) == 1 for pair in pairs)


def _one_size(argument, received):
    return (
        f"Argument `{argument}` should hold images of one size; resize them by "
        "`[tf.image.resize(image, (height, width)) for image in images]`. "
        f"Received: {received}"
    )


def _hint(shape, image_shape):
    """Says what makes images of one shape suit another, or nothing."""

    def suits(sizes):
        return _suits(sizes, image_shape)

    if len(shape) == 3 and suits((*shape[1:], 1)) and not suits(shape):
        return "; add the axis of channels with `images[..., None]`"
    if len(shape) == 3 and suits((*shape[1:], 3)) and not suits(shape):
        return "; make three channels with `np.repeat(images[..., None], 3, axis=-1)`"
    if len(shape) == 3:
        return "; add the batch dimension with `image[None]`"
    if len(shape) == 4 and shape[3] == 1 and suits((*shape[1:3], 3)):
        return "; make three channels with `np.repeat(images, 3, axis=-1)`"
    if len(shape) == 4 and suits((*shape[2:], shape[1])):
        return "; move the channels to the end with `np.moveaxis(images, 1, -1)`"
    if len(shape) == 4 and suits((*image_shape[:2], shape[3])) and all(image_shape):
        height, width, _ = image_shape
        return f"; resize them by `tf.image.resize(images, ({height}, {width}))`"
    return ""
