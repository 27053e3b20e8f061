"""The masks of a row: pairs, their maximum, stretching and empty maps."""

import numpy as np
import pytest
from conftest import random_images
from conftest import tiny_classifier

import keras_explainer as kx
from keras_explainer.attribution import RISE
from keras_explainer.attribution import GradCAM
from keras_explainer.evaluation.mask_sources import Batch
from keras_explainer.evaluation.mask_sources import ConstantMasks
from keras_explainer.evaluation.mask_sources import ExplainerMasks
from keras_explainer.evaluation.mask_sources import MaskSource
from keras_explainer.evaluation.mask_sources import MethodMasks
from keras_explainer.evaluation.mask_sources import RandomMasks
from keras_explainer.evaluation.mask_sources import stretched

LABELS = np.array([[1, 0, 1], [0, 0, 0], [0, 1, 0]], "float32")


@pytest.fixture
def batch():
    return Batch(random_images(3), LABELS, None, 0)


def pairs(batch):
    return np.nonzero(batch.labels)


@pytest.mark.usefixtures("eager")
@pytest.mark.parametrize(
    "make, shared",
    [
        (lambda c: GradCAM(c), False),
        (lambda c: RISE(c, num_masks=20), True),
    ],
)
def test_methods_merge_as_they_explain(batch, make, shared):
    method = make(tiny_classifier())
    source = MethodMasks(method, shares_passes=shared)
    rows, classes = pairs(batch)
    merged = source.merge(source.pair_masks(batch, rows, classes), rows, 3)
    with pytest.warns(UserWarning, match="no class is a target"):
        expected = method.explain(batch.images, LABELS)
    np.testing.assert_allclose(merged, expected, atol=1e-5)
    passes = source.classifier_passes(np.bincount(rows, minlength=3))
    one = method.classifier_passes
    assert passes.tolist() == ([one, 0, one] if shared else [2 * one, 0, one])


@pytest.mark.slow
@pytest.mark.usefixtures("eager")
@pytest.mark.parametrize(
    "steps, passes", [(0, [1, 0, 1]), (2, [14, 0, 7])], ids=["trained", "refined"]
)
def test_explainer_pairs_are_those_of_its_classes(batch, steps, passes):
    explainer = kx.ExplainerModel(tiny_classifier(), preprocess_input="mobilenet")
    source = ExplainerMasks(explainer, steps)
    rows, classes = pairs(batch)
    masks = source.pair_masks(batch, rows, classes)
    for mask, row, index in zip(masks, rows, classes):
        expected = explainer.explain(
            batch.images[row][None], targets=int(index), refine_steps=steps
        )
        # Batches of other sizes round otherwise, which the votes of cells enlarge.
        np.testing.assert_allclose(mask, expected.masks[0, ..., 0], atol=1e-3)
    counts = np.bincount(rows, minlength=3)
    assert source.classifier_passes(counts).tolist() == passes


def test_constants_and_random_masks(batch):
    rows, classes = pairs(batch)
    half = ConstantMasks(0.5).pair_masks(batch, rows, classes)
    assert half.shape == (3, 32, 32) and (half == 0.5).all()
    whole = RandomMasks(seed=1).pair_masks(batch, rows, classes)
    # The noise belongs to the image, however the data is cut into batches.
    last = Batch(batch.images[2:], LABELS[2:], None, 2)
    part = RandomMasks(seed=1).pair_masks(last, np.array([0]), np.array([1]))
    np.testing.assert_array_equal(whole[2], part[0])
    assert whole.min() == 0 and whole.max() == 1
    assert np.abs(whole[0] - whole[2]).mean() > 0.1


def test_published_stretching_and_emptying():
    masks = np.array([[[0.2, 0.4]], [[0.3, 0.3]], [[0.5, 1.0]]], "float32")
    rows = np.array([0, 0, 1])
    np.testing.assert_allclose(stretched(masks)[:2, 0], [[0, 1], [0, 0]])
    merged = MaskSource().merge(masks, rows, 3)
    np.testing.assert_allclose(merged[:, 0], [[0.3, 0.4], [0.5, 1], [0, 0]])
    merged = MaskSource(stretch="merged").merge(masks, rows, 3)
    np.testing.assert_allclose(merged[:, 0], [[0, 1], [0, 1], [0, 0]], atol=1e-6)
    merged = MaskSource(empties_merged=True).merge(masks, rows, 3)
    np.testing.assert_allclose(merged[:, 0], [[0, 0], [0.5, 1], [0, 0]])
