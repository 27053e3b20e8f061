"""Holes are filled with what is around them, and with nothing of what they hide."""

import numpy as np
import pytest

from keras_explainer.image_operations.inpainting import inpainted


def test_of_one_colour_every_hole_is_filled_with_it():
    images = np.broadcast_to(np.float32([0.2, -0.4, 0.9]), (2, 32, 32, 3)).copy()
    keep = np.ones((2, 8, 8), "float32")
    keep[0, 2:6, 2:6] = 0
    images[0, 8:24, 8:24] = 5.0  # What is removed is not seen.
    filled = np.asarray(inpainted(images, keep))
    np.testing.assert_allclose(
        filled, np.broadcast_to([0.2, -0.4, 0.9], (2, 32, 32, 3)), atol=2e-3
    )


def test_a_rim_that_was_left_does_not_flow_back():
    images = np.zeros((1, 64, 64, 1), "float32")
    images[:, 20:44, 20:44] = 1.0
    keep = np.ones((1, 16, 16), "float32")
    keep[:, 6:10, 6:10] = 0  # One cell of the object is left on every side.
    assert np.abs(inpainted(images, keep)[0, 28:36, 28:36]).max() < 0.05


def test_colours_of_two_sides_meet_in_the_middle():
    images = np.zeros((1, 32, 32, 1), "float32")
    images[:, :, 16:] = 1.0
    keep = np.ones((1, 16, 16), "float32")
    keep[:, :, 4:12] = 0
    row = np.asarray(inpainted(images, keep))[0, 16, :, 0]
    assert row[4] < 0.1 and row[-5] > 0.9 and 0.3 < row[15:17].mean() < 0.7
    assert (np.diff(row) > -1e-3).all()


@pytest.mark.parametrize("size,grid", [(33, 17), (75, 19), (32, 32), (224, 56)])
def test_nothing_kept_and_sizes_that_do_not_divide(size, grid):
    images = np.ones((1, size, size, 3), "float32")
    nothing = np.asarray(inpainted(images, np.zeros((1, grid, grid), "float32")))
    np.testing.assert_array_equal(nothing, 0 * images)
    everything = inpainted(images, np.ones((1, grid, grid), "float32"))
    np.testing.assert_allclose(everything, images, atol=2e-3)


def test_where_nothing_is_kept_it_is_the_color_given():
    images = np.ones((2, 32, 32, 3), "float32")
    keep = np.stack([np.zeros((8, 8)), np.ones((8, 8))]).astype("float32")
    filled = inpainted(images, keep, np.float32([0.5, 2.0, -3.0]))
    np.testing.assert_allclose(filled[0, 5, 7], [0.5, 2.0, -3.0], rtol=1e-5)
    np.testing.assert_allclose(filled[1], images[1], atol=2e-3)
