"""Attention of fine cells to coarse ones, by its definition."""

import keras
import numpy as np
import pytest

from keras_explainer.decoders import CellAttention
from keras_explainer.decoders import ClassHead
from keras_explainer.decoders.cell_attention import gathered


def test_it_starts_near_bilinear_resizing_and_weights_add_up_to_one():
    random = np.random.default_rng(0)
    cells = random.normal(size=(2, 3, 3, 5)).astype("float32")
    vectors = random.normal(size=(2, 12, 12, 8)).astype("float32")
    found, weights = CellAttention()(vectors, cells)
    assert found.shape == vectors.shape and weights.shape == (2, 144, 9)
    np.testing.assert_allclose(np.sum(weights, axis=-1), 1, atol=1e-5)
    bilinear = keras.ops.image.resize(cells, (12, 12), "bilinear")
    # Two percent of the weight is shared out over all cells.
    np.testing.assert_allclose(
        gathered(weights, cells, (12, 12)),
        (bilinear + 0.02 * cells.mean(axis=(1, 2), keepdims=True)) / 1.02,
        atol=1e-4,
    )


def test_a_cell_that_is_asked_for_is_what_counts():
    layer = CellAttention(depth=2)
    vectors = np.zeros((1, 4, 4, 2), "float32")
    vectors[0, :, :2, 0] = 1  # The left half asks for the first key.
    vectors[0, :, 2:, 1] = 1
    cells = np.float32([[[[1, 0], [0, 1]]]])
    layer(vectors, cells)
    layer.query.set_weights([100 * np.eye(2), np.zeros(2)])
    # The normalised cells are (1, -1) and (-1, 1), or near.
    layer.read.layers[0].set_weights([np.eye(2).reshape(1, 1, 2, 2)])
    layer.key.set_weights([np.eye(2), np.zeros(2)])
    _, weights = layer(vectors, cells)
    weights = np.asarray(weights).reshape(4, 4, 2)
    np.testing.assert_allclose(weights[:, :2], [[[1, 0]] * 2] * 4, atol=1e-3)
    np.testing.assert_allclose(weights[:, 2:], [[[0, 1]] * 2] * 4, atol=1e-3)


@pytest.mark.parametrize("side", [5, 40])
def test_memory_does_not_grow_with_very_fine_cells(side):
    vectors = np.zeros((1, 40, 40, 8), "float32")
    evidence = np.full((1, side, side, 3), 2.0, "float32")
    found, weights = CellAttention()(vectors, np.ones((1, side, side, 4), "float32"))
    assert weights.shape == (1, 1600, min(side, 16) ** 2)
    logits = ClassHead(3)(found, evidence, None, weights)
    np.testing.assert_allclose(
        logits, np.full((1, 40, 40, 3), 0.5 * 2 - 0.5), atol=1e-4
    )
