"""What a training step explains: all labels of an image, or one drawn at random."""

import numpy as np

from keras_explainer.training.draws import judged_labels


def test_one_label_of_a_share_of_the_images():
    rows = np.tile(np.float32([1, 0, 1, 1]), (4000, 1))
    targets = np.asarray(judged_labels(rows, 0.3, 7))
    count = targets.sum(axis=1)
    assert set(count) == {1, 3} and abs(np.mean(count == 1) - 0.3) < 0.03
    alone = targets[count == 1]
    np.testing.assert_allclose(alone.mean(axis=0), [1 / 3, 0, 1 / 3, 1 / 3], atol=0.05)


def test_steps_differ_and_a_step_can_be_repeated():
    rows = np.ones((32, 5), "float32")
    first, again, other = (np.asarray(judged_labels(rows, 0.5, n)) for n in (1, 1, 2))
    np.testing.assert_array_equal(first, again)
    assert (first != other).any()


def test_images_without_labels_stay_so_and_none_alone_is_all():
    rows = np.float32([[0, 0, 0], [0, 1, 0]])
    np.testing.assert_array_equal(judged_labels(rows, 1.0, 3), rows)
    np.testing.assert_array_equal(judged_labels(rows, 0.0, 3), rows)
