"""What a training step explains: all labels of an image, or one drawn at random."""

import numpy as np

from keras_explainer.training.draws import StepDraws
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


def test_views_are_of_whole_images_and_what_is_beside_a_part_is_present():
    images = np.random.default_rng(0).uniform(size=(8, 16, 16, 3)).astype("float32")
    labels = np.eye(8, dtype="float32")
    draws = StepDraws(composites=0.5, crops=0.0, augmentation=1.0, single_label=0.0)
    found = draws(images, labels, np.ones(8, "bool"), np.zeros(3), lambda _: 0.5, 3)
    is_composite = np.asarray(found.share) < 1
    assert is_composite.sum() == 4
    part = np.asarray(found.part).mean(axis=(1, 2))
    np.testing.assert_allclose(part, found.share, atol=2 * 0.5 / 16)
    changed = (np.asarray(found.images) != images).any(axis=(1, 2, 3))
    np.testing.assert_array_equal(changed, is_composite)
    in_a_view = np.any(np.asarray(found.view) != found.images, axis=(1, 2, 3))
    np.testing.assert_array_equal(in_a_view, ~is_composite)
    np.testing.assert_array_equal(found.judged, labels)
    others = np.asarray(found.others).sum(axis=1)
    assert (others[~is_composite] == 0).all() and (others[is_composite] >= 1).all()
    assert not (np.asarray(found.others) * labels).any()
    nothing = StepDraws(composites=0.0, crops=0.0, augmentation=0.0, single_label=0.0)
    same = nothing(images, labels, np.ones(8, "bool"), np.zeros(3), lambda _: 0.5, 3)
    assert same.images is images and same.view is images and same.judged is labels
    assert same.others is None and same.share is None and same.part is None


def test_what_is_no_composite_is_a_crop_or_seen_in_a_view():
    images = np.random.default_rng(0).uniform(size=(32, 16, 16, 3)).astype("float32")
    labels = np.eye(32, dtype="float32")
    draws = StepDraws(composites=0.5, crops=0.5, augmentation=1.0, single_label=0.0)
    all_of_them = np.ones(32, "bool")
    found = draws(images, labels, all_of_them, np.zeros(3), lambda _: 0.5, 3)
    share = np.asarray(found.share)
    assert (share < 1).sum() == 16 and 3 < (share > 1).sum() < 13
    changed = (np.asarray(found.images) != images).any(axis=(1, 2, 3))
    np.testing.assert_array_equal(changed, share != 1)
    in_a_view = np.any(np.asarray(found.view) != found.images, axis=(1, 2, 3))
    np.testing.assert_array_equal(in_a_view, share == 1)
    np.testing.assert_array_equal(np.asarray(found.others)[share > 1], 0)
    assert ((np.asarray(found.part) == 0).any(axis=(1, 2)) == (share < 1)).all()
