"""Mask quality on arrays whose answer is known by hand."""

import numpy as np
import pytest

from keras_explainer.evaluation import overlap_by_threshold
from keras_explainer.evaluation.overlap_by_threshold import threshold_iou


def test_threshold_iou_by_hand():
    mask = np.array([[0.9, 0.5], [0.2, 0.0]])
    truth = np.array([[True, False], [True, False]])
    values = threshold_iou(truth, mask, np.array([0.1, 0.5, 0.95]))
    np.testing.assert_allclose(values, [2 / 3, 1 / 3, 0])


def test_threshold_iou_equals_the_plain_computation():
    random = np.random.default_rng(0)
    mask, truth = random.uniform(size=(20, 20)), random.uniform(size=(20, 20)) > 0.7
    thresholds = np.linspace(0.05, 0.95, 19)
    expected = [
        ((mask >= t) & truth).sum() / ((mask >= t) | truth).sum() for t in thresholds
    ]
    np.testing.assert_allclose(threshold_iou(truth, mask, thresholds), expected)


def test_quality_of_two_images_by_hand():
    truth = np.zeros((2, 2, 4), "uint8")
    truth[0, :, :2] = 1  # class 0 on the left half
    truth[0, :, 2] = 2  # class 1 beside it
    truth[1, 0, 0] = 255  # void, and nothing else: the image is left out
    masks = np.zeros((2, 2, 4, 2), "float32")
    masks[0, :, :2, 0] = 1
    masks[0, :, 3, 1] = 1
    batch = (np.zeros((2, 2, 4, 3)), np.array([[1, 1], [0, 0]]), truth)
    result = overlap_by_threshold(
        lambda images, c: masks[:1, ..., c], [batch], num_classes=2
    )
    assert result["images"] == 1
    assert result["iou_at_half"] == pytest.approx(4 / 8)
    assert result["class_iou_at_half"] == pytest.approx((1 + 0) / 2)
    assert result["accuracy_at_half"] == pytest.approx(4 / 8)
    assert result["undecided_share"] == 0


def test_void_pixels_do_not_count():
    truth = np.array([[[1, 255], [0, 0]]], "uint8")
    mask = np.array([[[1.0, 1.0], [0.0, 0.0]]])
    result = overlap_by_threshold(
        lambda images, c: mask, [(mask, None, truth)], num_classes=1
    )
    assert result["iou_at_half"] == result["accuracy_at_half"] == 1


def test_the_border_is_measured_apart():
    truth = np.zeros((1, 1, 20), "uint8")
    truth[..., :10] = 1  # Its band: columns 5 to 14.
    truth[..., 19] = 9  # Another object, of no class that is asked for.
    mask = np.zeros((1, 1, 20))
    mask[..., 3:12] = 1
    result = overlap_by_threshold(
        lambda images, c: mask, [(mask, None, truth)], num_classes=1
    )
    assert result["iou_at_half"] == pytest.approx(7 / 12)
    assert result["trimap_iou"] == pytest.approx(5 / 7)


def test_without_objects_there_is_nothing_to_measure():
    empty = [(np.zeros((1, 2, 2, 3)), None, np.zeros((1, 2, 2), "uint8"))]
    with pytest.raises(ValueError, match="labelled objects. Received: none"):
        overlap_by_threshold(lambda images, c: None, empty, num_classes=1)
