"""Composites show the images they say, in parts that are large enough."""

import numpy as np
import pytest
import tensorflow as tf

from keras_explainer.image_operations.composites import composites
from keras_explainer.image_operations.composites import samples

# Flat images, each of the value of its place in the batch.
FLAT = np.tile(np.arange(12, dtype="float32")[:, None, None, None], (40, 48, 3))
ALL = np.ones(12, "bool")


def drawn(images=FLAT, is_whole=ALL, share=1.0, step=0):
    return [
        np.asarray(x) for x in composites(tf.constant(images), is_whole, share, step)
    ]


@pytest.mark.parametrize("step", range(8))
def test_a_composite_shows_what_it_is_made_of_and_nothing_else(step):
    pictures, made_of, shares, firsts = drawn(step=step)
    for place, (picture, parts) in enumerate(zip(pictures, made_of)):
        assert parts[0] == place and len(set(parts)) > 1
        own = picture[..., 0].round(4) == place
        np.testing.assert_array_equal(firsts[place], own)
        # Up to the rounding of two sides.
        assert own.mean() == pytest.approx(shares[place], abs=2 * 0.5 / 40)
        seen, counts = np.unique(picture.round(4), return_counts=True)
        assert set(seen) == set(parts)
        # A part that is cut twice; an inset leaves more than half of what is around it.
        assert counts.min() / picture.size > 0.3**2


def test_all_layouts_are_drawn_and_any_place_may_be_the_first_parts():
    numbers, corners, areas = [], np.zeros(4), []
    for step in range(30):
        pictures, made_of, *_ = drawn(step=step)
        own = pictures[..., 0].round(4) == np.arange(12)[:, None, None]
        numbers += [len(set(parts)) for parts in made_of]
        corners += own[:, [0, 0, -1, -1], [0, -1, 0, -1]].mean(axis=0)
        areas += list(own.mean(axis=(1, 2)))
    shares = np.bincount(numbers, minlength=5)[2:] / len(numbers)
    assert (shares > 0.12).all()  # Of two, three and four images.
    assert (corners / 30 > 0.2).all() and np.ptp(corners / 30) < 0.15
    assert min(areas) < 0.2 and 0.5 < max(areas) < 0.7


def test_images_that_may_be_no_part_stay_as_they_are_and_are_nowhere_seen():
    is_whole = np.arange(12) % 3 > 0
    pictures, made_of, shares, firsts = drawn(is_whole=is_whole, step=3)
    assert ((shares == 1.0) == ~is_whole).all()
    assert (firsts.all(axis=(1, 2)) == ~is_whole).all()
    np.testing.assert_array_equal(pictures[~is_whole], FLAT[~is_whole])
    assert (made_of[~is_whole] == np.flatnonzero(~is_whole)[:, None]).all()
    assert is_whole[made_of[is_whole]].all()
    assert (pictures[is_whole] != FLAT[is_whole]).any(axis=(1, 2, 3)).all()


@pytest.mark.parametrize(
    "images, is_whole, share",
    [(FLAT[:1], ALL[:1], 1.0), (FLAT, np.arange(12) == 4, 1.0), (FLAT, ALL, 0.05)],
    ids=["one image", "one that may be a part", "a share below one image"],
)
def test_nothing_is_made_of_one_image(images, is_whole, share):
    pictures, made_of, shares, firsts = drawn(images, is_whole, share)
    np.testing.assert_array_equal(pictures, images)
    np.testing.assert_array_equal(shares, np.ones(len(images)))
    np.testing.assert_array_equal(firsts, np.ones(images.shape[:3]))
    assert (made_of == np.arange(len(images))[:, None]).all()


def test_two_images_are_enough_and_a_share_is_rounded_down():
    pictures, made_of, *_ = drawn(FLAT[:2], ALL[:2], 0.9)
    changed = (pictures != FLAT[:2]).any(axis=(1, 2, 3))
    assert changed.sum() == 1 and set(made_of[changed][0]) == {0, 1}


def test_draws_follow_the_step_also_with_open_sizes():
    expected = drawn(share=0.5, step=5)
    assert (expected[0] != drawn(share=0.5, step=6)[0]).any()
    spec = tf.TensorSpec((None, None, None, 3)), tf.TensorSpec((None,), "bool")
    opened = tf.function(lambda x, w: composites(x, w, 0.5, 5), input_signature=spec)
    for found, value in zip(opened(FLAT, ALL), expected):
        np.testing.assert_allclose(found, value, atol=1e-5)


def test_xla_compiles_it():
    compiled = tf.function(composites, jit_compile=True)
    drawn = compiled(FLAT, ALL, 0.5, tf.constant(5))
    pictures, made_of, *_ = map(np.asarray, drawn)
    changed = (pictures != FLAT).any(axis=(1, 2, 3))
    assert changed.sum() == 6
    for picture, parts in zip(pictures, made_of):
        assert set(np.unique(picture.round(4))) == set(parts)


def test_parts_are_resized_as_antialiased_bilinear_resizing_does():
    image = np.random.default_rng(0).normal(size=(1, 40, 40, 2)).astype("float32")
    ends = tf.constant([[10.0, 30.0]])
    for window in (40, 24):
        weights = samples(40, ends, tf.constant([float(window)]))
        found = np.einsum("nyh,nhwc->nywc", weights, image)
        found = np.einsum("nxw,nywc->nyxc", weights, found)
        margin = (40 - window) // 2
        middle = image[:, margin : margin + window, margin : margin + window]
        wanted = tf.image.resize(middle, (20, 20), antialias=True)
        inner = slice(2, -2)  # At its rim a window sees what is beyond.
        np.testing.assert_allclose(
            found[:, 12:28, 12:28], wanted[:, inner, inner], atol=1e-5
        )
        assert np.abs(found[:, :10]).max() == np.abs(found[:, 30:]).max() == 0
