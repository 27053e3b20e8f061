"""Filling removed pixels from their surroundings."""

import numpy as np
import pytest
from conftest import random_images

from keras_explainer import metrics


def random_maps(count=4, size=32, seed=1):
    random = np.random.default_rng(seed)
    # Two decimals, so that there are ties.
    return random.uniform(size=(count, size, size)).round(2).astype("float32")


def test_linear_imputation_solves_the_sparse_system():
    random = np.random.default_rng(0)
    image = random.uniform(size=(12, 12))
    keep = random.uniform(size=(12, 12)) > 0.6
    keep[3:9, 3:9] = False
    # The exact solution: each removed pixel is the mean of its neighbours.
    matrix, right = np.eye(144), np.where(keep, image, 0).ravel()
    for y, x in np.argwhere(~keep):
        weights = {}
        for dy in (-1, 0, 1):
            for dx in (-1, 0, 1):
                inside = 0 <= y + dy < 12 and 0 <= x + dx < 12
                if inside and (dy or dx):
                    weight = 1 / 12 if dy and dx else 1 / 6
                    weights[12 * (y + dy) + x + dx] = weight
        for other, weight in weights.items():
            matrix[12 * y + x, other] -= weight / sum(weights.values())
    exact = np.linalg.solve(matrix, right).reshape(12, 12)
    filled = metrics.linear_imputation(image[None, ..., None], keep[None], noise=0.0)
    filled = filled.numpy()[0, ..., 0]
    np.testing.assert_allclose(filled[keep], image[keep], rtol=1e-6)
    np.testing.assert_allclose(filled, exact, atol=0.02)
    more = metrics.linear_imputation(
        image[None, ..., None], keep[None], noise=0.0, sweeps=500
    )
    np.testing.assert_allclose(more[0, ..., 0], exact, atol=1e-4)


def test_imputation_noise_is_seeded_and_only_where_pixels_are_new():
    image = random_images(1)
    keep = random_maps(1) > 0.5
    first = metrics.linear_imputation(image, keep, noise=0.1, seed=3).numpy()
    again = metrics.linear_imputation(image, keep, noise=0.1, seed=3).numpy()
    plain = metrics.linear_imputation(image, keep, noise=0.0).numpy()
    np.testing.assert_array_equal(first, again)
    np.testing.assert_array_equal(first[keep], image[keep])
    spread = (first - plain)[~keep].std() / np.ptp(image)
    assert spread == pytest.approx(0.1, rel=0.1)
