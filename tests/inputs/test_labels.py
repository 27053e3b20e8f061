"""Which classes a classifier sees, of several that are there."""

import numpy as np

from keras_explainer.inputs.labels import seen_classes


def test_of_independent_classes_those_of_one_half_are_seen():
    logits = np.float32([[-0.1, 0.0, 3.0]])
    found = seen_classes(logits, np.float32([[1, 0, 1]]), True)
    np.testing.assert_array_equal(found, [[False, True, True]])


def test_of_classes_that_exclude_each_other_those_that_no_absent_one_is_ahead_of():
    logits = np.float32([[5.0, 1.0, 2.0, 0.0]])
    # As if each were there alone: what is there takes nothing from the others.
    found = seen_classes(logits, np.float32([[1, 0, 1, 0]]), False)
    np.testing.assert_array_equal(np.asarray(found)[0, [0, 2]], [True, True])
    found = seen_classes(logits, np.float32([[1, 0, 0, 1]]), False)
    np.testing.assert_array_equal(np.asarray(found)[0, [0, 3]], [True, False])
    found = seen_classes(logits, np.float32([[0, 1, 0, 0]]), False)
    assert not np.asarray(found)[0, 1]  # Of one label what is predicted.
    # Where all are there, none is absent.
    assert np.asarray(seen_classes(logits, np.ones((1, 4), "f"), False)).all()
