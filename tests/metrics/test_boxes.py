"""Boxes around masks: by hand."""

import numpy as np
import pytest

from keras_explainer import metrics


def test_the_tightest_box():
    mask = np.zeros((2, 4, 5))
    mask[0, 1, 2], mask[0, 2, 4] = 0.9, 0.5
    assert metrics.mask_to_box(mask).numpy().tolist() == [[1, 2, 3, 5], [0, 0, 0, 0]]
    assert metrics.mask_to_box(mask, 0.6).numpy()[0].tolist() == [1, 2, 2, 3]
    full = metrics.mask_to_box(np.ones((1, 4, 5), bool)).numpy()
    assert full.tolist() == [[0, 0, 4, 5]]


def test_boxes_that_match():
    assert float(metrics.box_iou([0, 0, 2, 2], [1, 1, 3, 3])) == pytest.approx(1 / 7)
    assert float(metrics.box_iou([0, 0, 1, 1], [2, 2, 3, 3])) == 0
    mask = np.zeros((1, 4, 4))
    mask[0, :2, :2] = 1
    half, third = [0, 0, 2, 4], [0, 0, 2, 6]
    assert metrics.box_localization([half], mask).numpy() == [1]
    assert metrics.box_localization([third], mask).numpy() == [0]
    assert metrics.box_localization([[third, half]], mask).numpy() == [1]
    assert metrics.box_localization([[[0, 0, 0, 0]]], mask * 0).numpy() == [0]
    metric = metrics.BoxLocalization()
    metric.update_state(np.array([half, third]), np.concatenate([mask, mask]))
    assert float(metric.result()) == 0.5
    assert metrics.BoxLocalization.from_config(metric.get_config()).options == {
        "threshold": 0.5,
        "min_iou": 0.5,
    }
    with pytest.raises(ValueError, match=r"`true_boxes`.*Received: shape \(1, 3\)"):
        metrics.box_localization([[0, 0, 1]], mask)
