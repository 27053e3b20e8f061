"""What the classifier says of masked images: by hand, and against plain loops."""

import numpy as np
import pytest
from conftest import random_images
from hand_classifier import COLOR
from hand_classifier import ONES
from hand_classifier import PATCH
from hand_classifier import patch_classifier
from hand_classifier import predict
from hand_classifier import random_maps
from hand_classifier import sigmoid
from hand_classifier import spread_classifier

from keras_explainer import metrics
from keras_explainer.classifiers import FrozenClassifier


@pytest.fixture(scope="module")
def hand():
    return patch_classifier()


@pytest.fixture(scope="module")
def tiny():
    return spread_classifier()


def test_saliency_score_by_hand(hand, eager):
    half = np.zeros((1, 4, 4))
    half[:, :, :2] = 1
    # The left half keeps the four pixels that count.
    score = metrics.saliency_score(hand, ONES, half, 0, background=0.0)
    np.testing.assert_allclose(score, np.log(0.5 / sigmoid(4)), rtol=1e-5)
    none = metrics.saliency_score(hand, ONES, 0 * half, 0, background=0.0)
    np.testing.assert_allclose(none, np.log(0.05 / 0.5), rtol=1e-5)
    both = metrics.saliency_score(hand, ONES, half, [[1, 1]], background=0.0)
    np.testing.assert_allclose(both, np.log(0.5), rtol=1e-5)
    two = [np.repeat(part, 2, axis=0) for part in (ONES, half)]
    mixed = metrics.saliency_score(hand, *two, [[1, 1], [0, 1]], background=0.0)
    np.testing.assert_allclose(mixed, np.log([0.5, 0.5 / sigmoid(-4)]), rtol=1e-4)
    assert np.isnan(metrics.saliency_score(hand, ONES, half, [[0, 0]], 0.0)).all()


def test_saliency_score_is_a_softmax_for_sigmoid_heads_too(eager):
    sigmoid_head = patch_classifier(activation="sigmoid")
    score = metrics.saliency_score(sigmoid_head, ONES, ONES, 0, background=0.0)
    np.testing.assert_allclose(score, -np.log(sigmoid(4)), rtol=1e-4)


def test_complement_entropy_by_hand(hand, eager):
    def entropy(p):
        return -(p * np.log2(p) + (1 - p) * np.log2(1 - p))

    for activation, expected in (
        ("softmax", entropy(sigmoid(4))),
        ("sigmoid", (entropy(sigmoid(4)) + 1) / 2),
    ):
        classifier = patch_classifier(activation=activation)
        value = metrics.complement_entropy(classifier, ONES, 0 * PATCH, background=0.0)
        np.testing.assert_allclose(value, [expected], rtol=1e-4)
        value = metrics.complement_entropy(classifier, ONES, PATCH > 0, background=0.0)
        np.testing.assert_allclose(value, [1], rtol=1e-5)


def test_confidence_formulas_by_hand():
    before, after = [0.8, 0.5, 0.5], [0.6, 0.9, 0.5]
    np.testing.assert_allclose(metrics.confidence_drop(before, after), [0.25, 0, 0])
    assert metrics.confidence_increase(before, after).tolist() == [0, 1, 0]


def test_confidence_change_by_hand(hand, eager):
    mask = 0 * PATCH
    mask[0, 0, :2] = 0.5
    result = metrics.confidence_change(hand, ONES, mask, 0, background=0.0)
    np.testing.assert_allclose(result["before"], sigmoid([4]), rtol=1e-5)
    np.testing.assert_allclose(result["after"], sigmoid([1]), rtol=1e-5)
    np.testing.assert_allclose(result["drop"], 1 - sigmoid([1]) / sigmoid([4]), 1e-5)
    other = metrics.confidence_change(hand, ONES, mask, [1], background=0.0)
    assert other["increase"] == [1] and other["drop"] == [0]


def test_confidence_change_equals_a_plain_loop(tiny):
    images, maps = random_images(5), random_maps(5)
    result = metrics.confidence_change(
        tiny, images, maps, background=COLOR, batch_size=2
    )
    for i in range(5):
        whole = predict(tiny, images[i])
        target = whole.argmax()
        kept = COLOR + maps[i][..., None] * (images[i] - COLOR)
        after = predict(tiny, kept)[target]
        drop = max(0, whole[target] - after) / whole[target]
        assert result["drop"][i] == pytest.approx(drop, abs=1e-5)
        assert result["increase"][i] == float(after > whole[target])


def test_a_linear_head_is_read_through_a_frozen_classifier(eager):
    linear = patch_classifier(activation="linear")
    with pytest.raises(ValueError, match="`multi_label`"):
        metrics.complement_entropy(linear, ONES, PATCH)
    frozen = FrozenClassifier(linear, multi_label=False)
    result = metrics.confidence_change(frozen, ONES, 0 * PATCH, 0, background=0.0)
    np.testing.assert_allclose(result["before"], sigmoid([4]), rtol=1e-5)
