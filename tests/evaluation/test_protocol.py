"""What counts as object under each protocol."""

import numpy as np

from keras_explainer.evaluation import PROTOCOLS

TRUTH = np.zeros((1, 1, 8), "uint8")
TRUTH[0, 0, 2:6] = (255, 1, 1, 2)


def test_default_leaves_void_out():
    default = PROTOCOLS["default"]
    of_first = default.object_masks(TRUTH, np.array([0]))
    assert of_first[0, 0].tolist() == [0, 0, 255, 1, 1, 0, 0, 0]
    of_all = default.object_masks(TRUTH, None)
    assert of_all[0, 0].tolist() == [0, 0, 255, 1, 1, 1, 0, 0]


def test_published_counts_void_and_a_border():
    published = PROTOCOLS["published"]
    of_first = published.object_masks(TRUTH, np.array([0]))
    assert of_first[0, 0].tolist() == [0, 1, 1, 1, 1, 1, 0, 0]
    of_all = published.object_masks(TRUTH, None)
    assert of_all[0, 0].tolist() == [0, 1, 1, 1, 1, 1, 1, 0]
    absent = published.object_masks(TRUTH, np.array([5]))
    assert not absent.any()


def test_the_accidents_are_named():
    assert not PROTOCOLS["default"].accidents
    assert len(PROTOCOLS["published"].accidents) > 5
