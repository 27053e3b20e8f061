"""What all metrics against the classifier take, and refuse."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from conftest import random_images
from hand_classifier import ONES
from hand_classifier import PATCH
from hand_classifier import patch_classifier
from hand_classifier import random_maps
from keras import layers

from keras_explainer import metrics


@pytest.fixture(scope="module")
def hand():
    return patch_classifier()


CALLS = {
    "insertion_deletion": {"targets": 0},
    "saliency_score": {"targets": 0},
    "complement_entropy": {},
    "confidence_change": {"targets": 0},
    "deletion_correlation": {"targets": 0, "patches": 2},
    "road": {"targets": 0},
}


def first_value(result):
    if isinstance(result, dict):
        result = result.get("deletion", result.get("most_first", result.get("drop")))
    return np.asarray(result)


@pytest.mark.parametrize("name", CALLS)
def test_every_form_of_maps_gives_the_same(name, hand, eager):
    def call(maps):
        return first_value(getattr(metrics, name)(hand, ONES, maps, **CALLS[name]))

    expected = call(PATCH)
    np.testing.assert_array_equal(call(PATCH[..., None]), expected)
    np.testing.assert_array_equal(call(tf.constant(PATCH)), expected)
    binary = PATCH > 0.85
    np.testing.assert_array_equal(call(binary), call(binary.astype("float64")))


@pytest.mark.parametrize("name", CALLS)
def test_wrong_input_raises(name, hand):
    function, options = getattr(metrics, name), CALLS[name]
    with pytest.raises(ValueError, match=r"`maps`.*Received: shape \(1, 4, 3\)"):
        function(hand, ONES, PATCH[..., :3], **options)
    with pytest.raises(ValueError, match=r"`images`.*Received: shape \(4, 4, 1\)"):
        function(hand, ONES[0], PATCH, **options)
    with pytest.raises(ValueError, match="`maps` should be finite"):
        function(hand, ONES, PATCH + np.inf, **options)
    with pytest.raises(ValueError, match="`classifier`.*scores of shape"):
        function(lambda x: x, ONES, PATCH, **options)
    if name in ("saliency_score", "complement_entropy", "confidence_change"):
        with pytest.raises(ValueError, match=r"`maps`.*\[0, 1\].*from 0 to 2"):
            function(hand, ONES, 2 * PATCH, **options)
    if "targets" in options:
        with pytest.raises(ValueError, match="`targets`.*Received: 7"):
            function(hand, ONES, PATCH, **{**options, "targets": 7})


@pytest.mark.parametrize(
    "name, options, message",
    [
        ("insertion_deletion", {"step_share": 0}, "`step_share`.*Received: 0"),
        ("insertion_deletion", {"targets": [[1, 1]]}, "`targets`.*Received: 2 classes"),
        ("deletion_correlation", {"patches": 5}, "`patches`.*Received: 5"),
        ("deletion_correlation", {"score": "loss"}, "`score`.*Received: 'loss'"),
        ("road", {"shares": (0.5, 1.0)}, "`shares`.*Received:"),
    ],
)
def test_wrong_options_raise(name, options, message, hand):
    with pytest.raises(ValueError, match=message):
        getattr(metrics, name)(hand, ONES, PATCH, **options)


@pytest.mark.slow
def test_images_of_any_size(eager):
    images = keras.Input((None, None, 3))
    x = layers.GlobalAveragePooling2D()(layers.Conv2D(4, 3)(images))
    open_size = keras.Model(images, layers.Dense(2, activation="softmax")(x))
    for size in (12, 20):
        maps = random_maps(2, size)
        for name, options in CALLS.items():
            result = getattr(metrics, name)(
                open_size, random_images(2, size), maps, **options
            )
            assert np.isfinite(first_value(result)).all(), name
