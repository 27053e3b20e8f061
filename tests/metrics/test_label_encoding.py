"""Masks that tell the class by themselves."""

import numpy as np
import pytest
from hand_classifier import ONES
from hand_classifier import PATCH
from hand_classifier import patch_classifier

from keras_explainer import metrics


def test_masks_that_hide_the_label_are_found(eager):
    random = np.random.default_rng(0)
    classes = random.integers(0, 2, 40)
    images = np.repeat(ONES, 40, axis=0)
    images[classes == 1] = -1
    # The mask of class 0 is above, that of class 1 below.
    telling = np.zeros((40, 4, 4), "float32")
    telling[classes == 0, :2] = telling[classes == 1, 2:] = 1
    result = metrics.label_encoding(
        patch_classifier(), images, telling, classes, background=0.0, grid=4, seed=0
    )
    assert result["mask_only"] == 1
    assert result["chance"] == pytest.approx(max(classes.mean(), 1 - classes.mean()))
    # Below the patch the classifier sees nothing, and answers class 0.
    assert result["masked"] == pytest.approx(1 - classes.mean())
    control = metrics.random_mask_like(telling, seed=0)
    again = metrics.label_encoding(
        patch_classifier(), images, control, classes, background=0.0, grid=4
    )
    assert result["random"] == again["masked"] < 1
    silent = random.uniform(size=(40, 4, 4))
    result = metrics.label_encoding(
        patch_classifier(), images, silent, classes, background=0.0, grid=4
    )
    assert result["mask_only"] < 0.75
    assert result["masked"] == result["random"] == 1


def test_label_encoding_needs_one_class_per_image():
    with pytest.raises(ValueError, match="`targets`.*Received:"):
        metrics.label_encoding(patch_classifier(), ONES, PATCH, [[1, 1]])
