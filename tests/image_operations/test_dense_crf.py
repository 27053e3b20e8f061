import numpy as np
import pytest
import tensorflow as tf

from keras_explainer.image_operations import dense_crf as room
from keras_explainer.image_operations.dense_crf import dense_crf


def halves(cells, channels=1):
    """An image of one pixel a cell whose left half is dark and right half light."""
    image = np.zeros((1, cells, cells, channels))
    image[:, :, cells // 2 :] = 1
    return image


def by_hand(logits, image):
    """One image (h, w, channels), one class (h, w), cell by cell."""
    colors = (image - image.mean()) / image.std()
    places = np.stack(np.indices(logits.shape), -1) / (0.3 * max(logits.shape))
    colors, places, cells = (
        np.reshape(part, (logits.size, -1)) for part in (colors / 0.15, places, logits)
    )

    def means(values, features):
        squares = ((features[:, None] - features) ** 2).sum(-1)
        weights = np.exp(-squares / 2)
        return weights @ values / weights.sum(1, keepdims=True)

    alike = np.concatenate([colors, places], axis=1)
    above = np.maximum(cells - cells.mean(), 0)
    below = np.maximum(cells.mean() - cells, 0)
    inside = cells.mean() + (above**2).sum() / above.sum()
    outside = cells.mean() - (below**2).sum() / below.sum()
    undecided = (np.clip(inside, -8, 8) + np.clip(outside, -8, 8)) / 2
    votes = 2 / (1 + np.exp(undecided - cells)) - 1
    told = np.mean((means(cells, alike) - means(cells, places)) ** 2)
    told /= told + np.mean((cells - means(cells, alike)) ** 2)
    return (cells + 16.0 * told * means(votes, alike)).reshape(logits.shape)


@pytest.mark.parametrize("shift", [0.0, -6.0, 6.0])
@pytest.mark.parametrize("shape", [(4, 4), (3, 5)])
def test_it_is_mean_field_in_a_gaussian_field(shape, shift):
    rng = np.random.default_rng(0)
    image = 0.1 * rng.normal(size=(*shape, 3))
    logits = rng.normal(size=shape) + shift
    np.testing.assert_allclose(
        dense_crf(logits[None, ..., None], image[None])[0, ..., 0],
        by_hand(logits, image),
        atol=2e-3,
    )


def test_what_is_left_out_joins_what_it_looks_like_and_specks_go():
    logits = np.where(halves(8) > 0, 6.0, -6.0)
    logits[0, 3, 6] = -4.0  # a hole in the light half
    logits[0, 3, 1] = 1.0  # a speck in the dark half
    found = dense_crf(logits, halves(8)).numpy()
    np.testing.assert_array_equal(found > 0, halves(8) > 0)


def test_a_mask_and_what_it_leaves_out_are_treated_alike():
    rng = np.random.default_rng(6)
    logits, images = rng.normal(-1, 2, (2, 6, 6, 2)), rng.normal(size=(2, 12, 12, 3))
    np.testing.assert_allclose(
        dense_crf(-logits, images), -dense_crf(logits, images), atol=1e-3
    )


def test_classes_and_images_do_not_hear_one_another():
    rng = np.random.default_rng(1)
    logits, images = rng.normal(size=(3, 6, 6, 4)), rng.normal(size=(3, 12, 12, 3))
    together = dense_crf(logits, images)
    alone = dense_crf(logits[1:2, ..., 2:3], images[1:2])
    np.testing.assert_allclose(together[1:2, ..., 2:3], alone, atol=1e-4)


@pytest.mark.parametrize("scale, shift", [(1 / 255, 0), (2 / 255, -1), (1, 40)])
def test_the_range_of_the_image_does_not_matter(scale, shift):
    rng = np.random.default_rng(2)
    images, logits = 255 * rng.random((1, 24, 24, 3)), rng.normal(size=(1, 6, 6, 2))
    np.testing.assert_allclose(
        dense_crf(logits, scale * images + shift), dense_crf(logits, images), atol=0.01
    )


def test_a_fine_grid_votes_in_blocks():
    logits = np.where(halves(48) > 0, 6.0, -6.0)
    logits[0, 20:24, 40:44] = -4.0
    found = dense_crf(logits, halves(48))
    assert found.shape == (1, 48, 48, 1)
    np.testing.assert_array_equal(found.numpy() > 0, halves(48) > 0)


@pytest.mark.parametrize(
    ("grid", "blocks"),
    [
        ((14, 14), (14, 14)),
        ((7, 9), (7, 9)),
        ((32, 32), (16, 16)),
        ((56, 42), (14, 11)),
        ((14, 28), (7, 14)),
        ((17, 1), (9, 1)),
        ((None, 14), (16, 16)),
    ],
)
def test_blocks_are_square_and_few(grid, blocks):
    assert room._blocks(*grid) == blocks


@pytest.mark.parametrize("cells", [7, 20])
def test_an_even_image_gives_no_nan(cells):
    logits = np.random.default_rng(3).normal(size=(1, cells, cells, 1))
    assert np.isfinite(dense_crf(logits, np.ones((1, 40, 40, 3)))).all()


def test_sizes_may_be_open():
    traced = tf.function(
        dense_crf,
        input_signature=[
            tf.TensorSpec((None, None, None, None)),
            tf.TensorSpec((None, None, None, 3)),
        ],
    )
    rng = np.random.default_rng(4)
    logits, images = rng.normal(size=(2, 16, 16, 2)), rng.normal(size=(2, 32, 32, 3))
    np.testing.assert_allclose(
        traced(logits, images), dense_crf(logits, images), atol=1e-3
    )


def test_half_precision_is_computed_in_whole():
    rng = np.random.default_rng(5)
    logits = tf.constant(rng.normal(size=(1, 6, 6, 1)), "float16")
    assert dense_crf(logits, rng.normal(size=(1, 12, 12, 3))).dtype == "float32"
