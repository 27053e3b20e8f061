"""What `preprocess_input` means for a classifier: a function, a name, a range."""

import re
import typing

import keras
import numpy as np

from keras_explainer.classifiers.affine_colors import fit_affine
from keras_explainer.classifiers.applications import application_preprocessing
from keras_explainer.classifiers.applications import recognise_application
from keras_explainer.classifiers.input_front import InputFront

_NUMBER = r"-?\d+(?:\.\d+)?"
_RANGE = re.compile(rf"({_NUMBER})\.\.({_NUMBER})")


class RecognisedPreprocessing(typing.NamedTuple):
    """What `preprocess_input` means for a classifier.

    Args:
        name: The application or range, "identity", a function, or None if unknown.
        is_read: Boolean. Whether it was read off the classifier's own operations.
        function: The function from raw pixels to the classifier's input, or None.
        front: `InputFront` of the classifier.
        raw_channels: int. Channels of raw pixels.
        affine: `AffineColors`, the map that the function is, or None.
        inverse: `AffineColors`, the map back, or None.
    """

    name: typing.Any
    is_read: bool
    function: typing.Any
    front: InputFront
    raw_channels: int
    affine: typing.Any
    inverse: typing.Any


def recognise_preprocessing(config, graph):
    """Finds out what `preprocess_input` means for a classifier.

    Args:
        config: As `preprocess_input` of `Preprocessing`.
        graph: `LayerGraph` of the classifier.

    Returns:
        A `RecognisedPreprocessing`.

    Raises:
        ValueError: If `config` is none of what `Preprocessing` takes.
    """
    front = InputFront(graph)
    name, is_read = config, False
    if isinstance(config, str) and config == "auto":
        name, is_read = _from_classifier(front, graph)
    function, raw_channels, affine = _function_of(name), front.channels, None
    if function is not None:
        raw_channels = _raw_channels(function, front.channels)
        affine = fit_affine(function, raw_channels)
    inverse = affine and affine.inverse
    return RecognisedPreprocessing(
        name, is_read, function, front, raw_channels, affine, inverse
    )


def _from_classifier(front, graph):
    """Returns what a classifier needs, and whether its front tells."""
    application = recognise_application(graph)
    if front.keeps_values and (not front.calls or application is None):
        return application, False
    if application is not None:
        own = fit_affine(application_preprocessing(application), 3)
        if front.keeps_values:
            return _behind(application, own, front.affine), False
        # What must come in for the network to get what the application did.
        for name, fit in front.fits.items():
            inverse = fit and fit.inverse
            if inverse and own.then(inverse).is_scaling(*_scaling(name)):
                return name, True
    return front.image_range, front.image_range is not None


def _behind(application, own, order):
    """Returns the application's preprocessing for a front that orders channels."""
    plain = np.allclose(order.matrix, np.eye(len(order.matrix)), atol=0.02)
    return application if plain else _ExchangedChannels(own.then(order.inverse))


class _ExchangedChannels:
    """An application's preprocessing for a classifier that exchanges channels."""

    def __init__(self, affine):
        self.affine = affine

    def __call__(self, images):
        matrix, offset = self.affine
        images = keras.ops.cast(images, "float32")
        return keras.ops.matmul(images, matrix) + offset


def _function_of(name):
    if name is None or callable(name):
        return name
    if isinstance(name, str) and (name == "identity" or _RANGE.fullmatch(name)):
        scale, offset = _scaling(name)

        def scaled(images):
            if isinstance(images, np.ndarray):
                images = images.astype("float32")
            return images if name == "identity" else images * scale + offset

        return scaled
    return application_preprocessing(name)


def _scaling(name):
    """Returns scale and offset from 0..255 to a range such as "0..1"."""
    if name == "identity":
        return 1.0, 0.0
    low, high = (float(end) for end in _RANGE.fullmatch(name).groups())
    if low >= high:
        raise ValueError(
            "Argument `preprocess_input` should be a range from its lower to its "
            f"higher end, such as '0..1'. Received: {name!r}"
        )
    return (high - low) / 255.0, low


def _raw_channels(function, channels):
    """Returns how many channels a function takes: the classifier's, or those of RGB."""
    if channels != 3:
        probe = np.zeros((1, 8, 8, channels), "float32")
        try:
            if np.shape(function(probe)) == probe.shape:
                return channels
        # Made for colours, it may raise anything.
        except Exception:
            return 3
    return 3
