"""Views that are hard to recognise: what changes, how often, within what bounds."""

import numpy as np
import pytest

from keras_explainer.image_operations.augmented_view import augmented_view

COLOR = np.float32([0.1, -0.2, 0.3])


def test_a_share_of_the_images_is_degraded_and_the_others_stay():
    images = np.random.default_rng(0).uniform(-1, 1, (400, 14, 14, 3)).astype("float32")
    view = np.asarray(augmented_view(images, COLOR, 1.0, 0.3, 5))
    same = (view == images).all(axis=(1, 2, 3))
    assert abs(same.mean() - 0.7) < 0.07
    np.testing.assert_array_equal(augmented_view(images, COLOR, 1.0, 0.0, 5), images)
    again = np.asarray(augmented_view(images, COLOR, 1.0, 0.3, 5))
    np.testing.assert_array_equal(view, again)
    assert (view != np.asarray(augmented_view(images, COLOR, 1.0, 0.3, 6))).any()


def test_holes_are_whole_cells_of_the_colour_and_a_third_of_the_image():
    images = np.full((500, 28, 28, 3), 0.5, "float32")
    images[:, 0, 0] = -1.0  # so that clipping leaves the colour alone
    images[:, 0, 1] = 1.0
    view = np.asarray(augmented_view(images, COLOR, 1.0, 1.0, 1))
    cutout = np.isclose(view, COLOR, atol=1e-6).all(axis=-1)
    cells = cutout.reshape(500, 7, 4, 7, 4)[:, 1:, :, 1:]  # without the odd pixels
    whole = cells.all(axis=(2, 4))
    np.testing.assert_array_equal(whole, cells.any(axis=(2, 4)))
    share = whole.mean(axis=(1, 2))
    assert abs(share.mean() - 0.35) < 0.03
    assert share.min() < 0.05 and 0.6 < share.max() < 0.95


@pytest.mark.parametrize("low,high", [(-1.0, 1.0), (0.0, 255.0), (-120.0, 150.0)])
def test_values_stay_in_the_range_of_the_image(low, high):
    images = np.random.default_rng(0).uniform(low, high, (64, 14, 14, 3))
    images = images.astype("float32")
    color = np.full(3, (low + high) / 2, "float32")
    view = np.asarray(augmented_view(images, color, (high - low) / 2, 1.0, 3))
    margin = (high - low) * 1e-5
    assert view.min() >= low - margin and view.max() <= high + margin
    # Light, contrast and colour differ from view to view, by as much in every range.
    seen = np.ma.masked_where(np.isclose(view, color), view).mean(axis=(1, 2, 3))
    assert 0.05 < seen.std() / (high - low) < 0.15
