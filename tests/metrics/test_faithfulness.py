"""Insertion, deletion, patches and ROAD: by hand, and against plain loops."""

import numpy as np
import pytest
from conftest import assert_unchanged
from conftest import random_images
from conftest import snapshot
from hand_classifier import COLOR
from hand_classifier import ONES
from hand_classifier import PATCH
from hand_classifier import patch_classifier
from hand_classifier import predict
from hand_classifier import random_maps
from hand_classifier import sigmoid
from hand_classifier import spread_classifier

from keras_explainer import metrics
from keras_explainer.metrics.faithfulness import _curves


@pytest.fixture(scope="module")
def hand():
    return patch_classifier()


@pytest.fixture(scope="module")
def tiny():
    return spread_classifier()


def test_curves_by_hand(hand, eager):
    result = metrics.insertion_deletion(
        hand,
        ONES,
        PATCH,
        targets=0,
        step_share=1 / 16,
        deletion_background=0.0,
        insertion_background=0.0,
    )
    expected = sigmoid([4, 3, 2, 1] + 13 * [0])
    np.testing.assert_allclose(result["deletion"], [expected], rtol=1e-5)
    np.testing.assert_allclose(
        result["insertion"], [sigmoid([0, 1, 2, 3] + 13 * [4])], rtol=1e-5
    )
    area = (expected[1:] + expected[:-1]).sum() / 2 / 16
    np.testing.assert_allclose(result["deletion_auc"], [area], rtol=1e-5)
    np.testing.assert_allclose(result["shares"], np.arange(17) / 16)


def test_curves_equal_a_plain_loop(tiny):
    images, maps, targets = random_images(3), random_maps(3), [0, 2, 1]
    before = snapshot(tiny)
    result = metrics.insertion_deletion(
        tiny,
        images,
        maps,
        targets,
        step_share=0.15,
        deletion_background=COLOR,
        batch_size=5,
    )
    assert_unchanged(tiny, before)
    counts = [round(min(0.15 * step, 1.0) * 32 * 32) for step in range(8)]
    blurred = gaussian_blur(images)
    for i, target in enumerate(targets):
        order = np.argsort(-maps[i].ravel(), kind="stable")
        for step, count in enumerate(counts):
            gone = np.zeros(32 * 32, bool)
            gone[order[:count]] = True
            gone = gone.reshape(32, 32, 1)
            deleted = predict(tiny, np.where(gone, COLOR, images[i]))[target]
            inserted = predict(tiny, np.where(gone, images[i], blurred[i]))[target]
            assert result["deletion"][i, step] == pytest.approx(deleted, abs=1e-5)
            assert result["insertion"][i, step] == pytest.approx(inserted, abs=1e-5)
    trapezoid = np.trapezoid if hasattr(np, "trapezoid") else np.trapz
    np.testing.assert_allclose(
        result["insertion_auc"],
        trapezoid(result["insertion"], result["shares"], axis=1),
        rtol=1e-5,
    )


def gaussian_blur(images, sigma=5.0, radius=10):
    """The blur as a plain sum over a window of reflected pixels."""
    weights = np.exp(-0.5 * (np.arange(-radius, radius + 1) / sigma) ** 2)
    weights /= weights.sum()
    for axis in (1, 2):
        width = [(0, 0)] * 4
        width[axis] = (radius, radius)
        padded = np.pad(images, width, mode="reflect")
        size = images.shape[axis]
        images = sum(
            weight * np.take(padded, range(k, k + size), axis=axis)
            for k, weight in enumerate(weights)
        )
    return images


def test_ties_go_row_by_row(hand, eager):
    result = metrics.insertion_deletion(
        hand, ONES, 0 * PATCH, 0, step_share=1 / 16, deletion_background=0.0
    )
    # Two pixels that count in the first row, two in the second.
    np.testing.assert_allclose(
        result["deletion"][0, :8], sigmoid([4, 3, 2, 2, 2, 1, 0, 0]), rtol=1e-5
    )


def test_the_background_is_the_mean_colour(hand, eager):
    images = ONES * np.float32([1, 3])[:, None, None, None]
    result = metrics.insertion_deletion(hand, images, [PATCH[0]] * 2, targets=0)
    # The classifier's preprocessing is unknown: it is that of each image.
    np.testing.assert_allclose(result["deletion"][:, -1], sigmoid([4, 12]), rtol=1e-5)


def test_deletion_correlation_by_hand(hand, eager):
    images = ONES.copy()
    images[0, :2, :2, 0] = [[1, 2], [3, 4]]
    exact = images[..., 0].copy()
    exact[:, 2:] = exact[:, :, 2:] = 0
    options = {"targets": 0, "patches": 4, "background": 0.0}
    value = metrics.deletion_correlation(hand, images, exact, **options)
    np.testing.assert_allclose(value, [1], atol=1e-5)
    value = metrics.deletion_correlation(hand, images, -exact, **options)
    np.testing.assert_allclose(value, [-1], atol=1e-5)
    assert np.isnan(metrics.deletion_correlation(hand, images, 0 * exact, **options))
    # In quarters only the first one counts, and only the first one has a drop.
    value = metrics.deletion_correlation(
        hand, images, exact, 0, patches=2, background=0.0, score="probability"
    )
    np.testing.assert_allclose(value, [1], atol=1e-5)


def test_deletion_correlation_equals_a_plain_loop(tiny):
    images, maps = random_images(2), random_maps(2)
    values = metrics.deletion_correlation(
        tiny, images, maps, 1, patches=3, background=COLOR, score="probability"
    )
    for i in range(2):
        sums, drops = [], []
        whole = predict(tiny, images[i])[1]
        # 32 pixels in 3 patches: the cell of pixel y is floor(3 y / 32).
        for rows in ((0, 11), (11, 22), (22, 32)):
            for columns in ((0, 11), (11, 22), (22, 32)):
                where = (slice(*rows), slice(*columns))
                picture = images[i].copy()
                picture[where] = COLOR
                sums.append(maps[i][where].sum())
                drops.append(whole - predict(tiny, picture)[1])
        assert values[i] == pytest.approx(np.corrcoef(sums, drops)[0, 1], abs=1e-4)


def test_road_by_hand(hand, eager):
    # Zeros around the bright patch: filling it from them removes the evidence.
    image = 0 * ONES
    image[0, :2, :2] = 4
    result = metrics.road(hand, image, PATCH, 0, shares=(0.25,), noise=0.0)
    np.testing.assert_allclose(result["most_first"], [[0.5]], atol=1e-4)
    # The least important pixels go: the patch stays.
    np.testing.assert_allclose(result["least_first"], [[1]], atol=1e-4)
    np.testing.assert_allclose(result["score"], [0.25], atol=1e-4)


def test_road_tells_the_right_map_from_the_wrong_one(hand, eager):
    image = random_images(1, size=4, channels=1) * 0.1
    image[0, :2, :2] = 4
    right = metrics.road(hand, image, PATCH, 0)
    wrong = metrics.road(hand, image, -PATCH, 0)
    assert right["most_first"].shape == (1, 5)
    assert right["score"][0] > 0.05 > -0.05 > wrong["score"][0]


def test_one_trace_serves_batches_of_all_sizes(tiny):
    def run(count):
        metrics.insertion_deletion(
            tiny, random_images(count), random_maps(count), 0, step_share=0.5
        )

    run(2), run(3)
    traces = _curves.experimental_get_tracing_count()
    run(4), run(1), run(5)
    assert _curves.experimental_get_tracing_count() == traces
