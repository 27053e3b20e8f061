"""Crops show a window of their image, enlarged, and say how much it grew."""

import numpy as np
import pytest
import tensorflow as tf

from keras_explainer.image_operations.crops import crops

COUNT, HEIGHT, WIDTH = 64, 40, 48
ALL = np.ones(COUNT, "bool")
# Each pixel's own place, in sides of the image.
PLACES = np.stack(
    np.meshgrid(
        (np.arange(HEIGHT) + 0.5) / HEIGHT,
        (np.arange(WIDTH) + 0.5) / WIDTH,
        indexing="ij",
    ),
    axis=-1,
)
IMAGES = np.tile(PLACES.astype("float32"), (COUNT, 1, 1, 1))


def drawn(images=IMAGES, may_be=ALL, share=1.0, step=0):
    return [np.asarray(x) for x in crops(tf.constant(images), may_be, share, step)]


def steps_of(pictures):
    """Returns the steps from pixel to pixel, of rows and of columns."""
    inner = pictures[:, 2:-2, 2:-2]  # At the border of the image its colours go on.
    return [np.diff(inner[..., axis], axis=1 + axis) for axis in (0, 1)]


def test_a_window_is_enlarged_evenly_and_its_area_is_told():
    pictures, areas = drawn()
    steps = steps_of(pictures)
    for step in steps:
        assert np.ptp(step, axis=(1, 2)).max() < 1e-5
    sides = [step.mean(axis=(1, 2)) * n for step, n in zip(steps, (HEIGHT, WIDTH))]
    np.testing.assert_allclose(1 / areas, sides[0] * sides[1], rtol=1e-3)
    assert areas.min() >= 1 and 3 < areas.max() < 8
    assert pictures.min() >= 0 and pictures.max() <= 1
    # All of the image is seen in some window.
    assert pictures.min() < 0.05 and pictures.max() > 0.95


@pytest.mark.parametrize("share", [0.0, 0.5])
def test_a_share_of_those_that_may_be_is_replaced(share):
    may_be = np.arange(COUNT) % 2 == 0
    pictures, areas = drawn(may_be=may_be, share=share, step=2)
    is_crop = areas > 1
    assert not is_crop[~may_be].any()
    assert abs(is_crop[may_be].mean() - share) < 0.2
    np.testing.assert_array_equal(pictures[~is_crop], IMAGES[~is_crop])


def test_steps_differ_a_step_can_be_repeated_and_one_image_is_enough():
    first, again, other = (drawn(step=step)[0] for step in (1, 1, 2))
    np.testing.assert_array_equal(first, again)
    assert (first != other).any()
    one, area = drawn(IMAGES[:1], ALL[:1], step=1)
    assert one.shape == (1, HEIGHT, WIDTH, 2) and area[0] > 1
