"""What masks keep of each class: by hand, and against a plain loop."""

import numpy as np
import pytest
from conftest import random_images
from hand_classifier import COLOR
from hand_classifier import ONES
from hand_classifier import patch_classifier
from hand_classifier import predict
from hand_classifier import random_maps
from hand_classifier import sigmoid
from hand_classifier import spread_classifier

from keras_explainer import metrics


@pytest.fixture(scope="module")
def hand():
    return patch_classifier()


@pytest.fixture(scope="module")
def tiny():
    return spread_classifier()


def test_class_discrimination_by_hand(hand, eager):
    masks = np.zeros((1, 4, 4, 2), "float32")
    masks[0, :2, :2, 0], masks[0, 2:, 2:, 1] = 0.55, 1
    result = metrics.class_discrimination(hand, ONES, masks, [0], background=0.0)
    # The own mask passes five of nine thresholds; the other keeps nothing.
    own = (5 * sigmoid(4) + 4 * 0.5) / 9
    np.testing.assert_allclose(result["matrix"][0], [own, 0.5], rtol=1e-5)
    np.testing.assert_allclose(result["unmasked"][0], sigmoid(4), rtol=1e-5)
    assert np.isnan(result["matrix"][1]).all() and result["images"].tolist() == [1, 0]
    assert result["own"] == pytest.approx(own) and result["other"] == pytest.approx(0.5)
    assert result["gap"] == pytest.approx(own - 0.5)


def test_class_discrimination_equals_a_plain_loop_and_adds_up(tiny):
    images, classes, thresholds = random_images(4), [2, 0], (0.3, 0.6)
    masks = np.stack([random_maps(seed=1), random_maps(seed=2)], axis=-1)
    labels = np.array([[1, 0, 0], [1, 0, 1], [0, 1, 0], [0, 0, 1]])
    expected, counts = np.zeros((2, 2)), np.zeros((2, 1))
    for i in range(4):
        for row, present in enumerate(classes):
            if not labels[i, present]:
                continue
            counts[row] += 1
            for column in range(2):
                for t in thresholds:
                    keep = masks[i, ..., column, None] > np.float32(t)
                    p = predict(tiny, np.where(keep, images[i], COLOR))
                    expected[row, column] += p[present] / len(thresholds)
    expected /= counts
    options = {"classes": classes, "thresholds": thresholds, "background": COLOR}
    result = metrics.class_discrimination(
        tiny, images, masks, labels, batch_size=3, **options
    )
    np.testing.assert_allclose(result["matrix"], expected, atol=1e-5)
    metric = metrics.ClassDiscrimination(tiny, **options)
    metric.update_state(images[:1], masks[:1], labels[:1])
    metric.update_state(images[1:], masks[1:], labels[1:])
    np.testing.assert_allclose(metric.result()["matrix"], expected, atol=1e-5)
    metric.reset_state()
    assert np.isnan(metric.result()["gap"])


def test_wrong_class_discrimination_raises(hand):
    masks = np.zeros((1, 4, 4, 2))
    with pytest.raises(ValueError, match=r"`class_masks`.*Received: shape \(1, 4, 4"):
        metrics.class_discrimination(hand, ONES, masks[..., :1], [0])
    with pytest.raises(ValueError, match="`class_masks` should be finite"):
        metrics.class_discrimination(hand, ONES, masks * np.nan, [0])
    with pytest.raises(ValueError, match=r"`classes`.*Received: \[2\]"):
        metrics.class_discrimination(hand, ONES, masks, [0], classes=[2])
    with pytest.raises(ValueError, match="`targets`.*Received: 2"):
        metrics.class_discrimination(hand, ONES, masks, [0, 1])
