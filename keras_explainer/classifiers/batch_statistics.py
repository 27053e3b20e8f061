"""The range of images that a classifier's first batch statistics are of."""

import keras
import numpy as np
from keras import ops

from keras_explainer.classifiers.input_front import IMAGE_RANGES
from keras_explainer.classifiers.preprocessing import Preprocessing
from keras_explainer.value_of_variable import value_of_variable

# Misfit of the images given, and of the same in another range, to speak of it.
_FAR, _NEAR = 1.5, 0.75
_IMAGES = 16


def statistics_problem(frozen, preprocessing, images):
    """Says that a classifier was trained on images in another range, or None.

    Its first `BatchNormalization` has kept mean and variance of what came out of the
    layer before it: of images in the right range something alike comes out.

    Args:
        frozen: `FrozenClassifier`.
        preprocessing: `Preprocessing` that is assumed.
        images: Array or tensor (N, H, W, channels), preprocessed so.
    """
    graph = frozen.graph
    call = next((c for c in graph.calls if _has_statistics(c.operation)), None)
    if call is None or preprocessing.name is None or not preprocessing.can_restore:
        return None
    images = np.asarray(images[:_IMAGES], "float32")
    given = _misfit(graph, call, images)
    if given < _FAR:
        return None
    raw = preprocessing.restore(images)
    others = {
        name: _misfit(graph, call, Preprocessing(name, graph)(raw))
        for name in IMAGE_RANGES
        if name != preprocessing.name
    }
    best = min(others, key=others.get)
    if others[best] > _NEAR or others[best] > given / 3:
        return None
    low, high = IMAGE_RANGES[best]
    return (
        f"Argument `preprocess_input` should probably be {best!r}: the statistics of "
        f"'{call.operation.name}' are those of images from {low:g} to {high:g}. "
        f"Received: {preprocessing.name!r}"
    )


def _has_statistics(operation):
    if not isinstance(operation, keras.layers.BatchNormalization):
        return False
    mean, variance = map(value_of_variable, _kept(operation))
    return bool(np.any(mean) or np.any(variance != 1))


def _kept(layer):
    return layer.moving_mean, layer.moving_variance


def _misfit(graph, call, images):
    """Returns how far statistics are from those kept, the mean of the channels."""
    values = keras.ops.cast(images, graph.input_spec.dtype)
    (values,) = graph.run({graph.input: values}, [call.inputs[0]])
    values = ops.convert_to_numpy(ops.cast(values, "float32"))
    axis = call.operation.axis % values.ndim
    others = tuple(i for i in range(values.ndim) if i != axis)
    kept_mean, kept_variance = map(value_of_variable, _kept(call.operation))
    kept_mean, kept_variance = np.float64(kept_mean), np.float64(kept_variance) + 1e-6
    shift = (values.mean(others) - kept_mean) ** 2 / kept_variance
    spread = np.abs(np.log((values.var(others) + 1e-6) / kept_variance))
    # Channels that are nearly constant say little, and may be far off.
    return float(np.median(shift + spread))
