"""A trained transformer with a class token, explained without an option."""

import numpy as np
import pytest
import trained

import keras_explainer as kx
from keras_explainer.attribution import AttentionRelevance
from keras_explainer.attribution import AttentionRollout
from keras_explainer.attribution import GradCAM

pytestmark = pytest.mark.slow


@pytest.fixture
def pictures():
    images, labels, truth = trained.patches(48, "transformer", seed=5)
    return images, labels.tolist(), truth.max(axis=-1)


def overlap(maps, truth):
    shown, true = maps > 0.5, truth > 0
    return (shown & true).sum() / (shown | true).sum()


def found_by(maps, truth):
    return np.nanmean(kx.metrics.pointing_game(truth, maps))


def test_masks_and_relevance_lie_on_the_patch_of_the_class(
    trained_classifier, pictures, tmp_path
):
    explainer = trained.train_explainer("explainer", trained_classifier("transformer"))
    images, labels, truth = pictures
    found = explainer.explain(images, labels)
    assert overlap(found.masks[..., 0], truth) > 0.8
    # Cells that have heard of all others all say the same: the masks must lead.
    assert found_by(found.relevance[..., 0], truth) > 0.8
    others = explainer.explain(images, [(label + 1) % 3 for label in labels]).masks
    assert others.mean() < 0.01
    best = max(
        overlap(method(explainer.classifier).explain(images, labels), truth)
        for method in (GradCAM, AttentionRelevance, AttentionRollout)
    )
    assert overlap(found.masks[..., 0], truth) > best + 0.15
    explainer.save(tmp_path / "explainer.keras")
    loaded = kx.load(tmp_path / "explainer.keras")
    again = loaded.explain(images, labels)
    np.testing.assert_allclose(again.masks, found.masks, atol=1e-4)


@pytest.mark.parametrize("method", [AttentionRelevance, AttentionRollout])
def test_attention_points_at_the_patch(trained_classifier, pictures, method):
    images, labels, truth = pictures
    maps = method(trained_classifier("transformer")).explain(images, labels)
    assert found_by(maps, truth) > 0.9
