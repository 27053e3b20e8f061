"""Attention rollout and relevance, by hand and of every kind of transformer."""

import keras
import numpy as np
import pytest
import token_classifiers
from conftest import random_images
from conftest import tiny_classifier
from keras import layers

from keras_explainer.attribution import AttentionRelevance
from keras_explainer.attribution import AttentionRollout

KINDS = token_classifiers.KINDS
WITHOUT = ("mixer", "windows of maps", "windows of tokens")


def scores_by_hand(classifier, images):
    """The attention of each layer, one classifier after the other."""
    found = []
    for layer in classifier.layers:
        if isinstance(layer, layers.MultiHeadAttention):
            (tokens,) = {id(t): t for t in layer.input}.values()
            values = keras.Model(classifier.input, tokens)(images)
            found.append(layer(values, values, return_attention_scores=True)[1])
    return [np.asarray(scores) for scores in found]


@pytest.mark.parametrize(
    ("kind", "rows"), [("class token", [0]), ("distilled", [0, 1])]
)
def test_rollout_by_hand(kind, rows):
    classifier, images = KINDS[kind](), random_images(2, 32)
    flow = np.eye(64 + len(rows))
    for scores in scores_by_hand(classifier, images):
        flow = (scores.mean(axis=1) + np.eye(len(flow[-1]))) / 2 @ flow
    expected = flow[:, rows, len(rows) :].mean(axis=1).reshape(2, 8, 8)
    method = AttentionRollout(classifier)
    found = method.class_maps(images, np.array([0, 1]))
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-6)


def test_relevance_is_of_the_class_and_rollout_is_not():
    classifier, images = KINDS["mean"](), random_images(2, 32)
    rollout, relevance = AttentionRollout(classifier), AttentionRelevance(classifier)
    first, second = np.array([0, 0]), np.array([1, 1])
    np.testing.assert_array_equal(
        rollout.class_maps(images, first), rollout.class_maps(images, second)
    )
    maps = [relevance.class_maps(images, classes) for classes in (first, second)]
    assert np.abs(maps[0] - maps[1]).max() > 0.1 * np.max(maps)


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind not in WITHOUT])
def test_every_kind_with_attention_among_all_tokens(kind):
    classifier = KINDS[kind]()
    images = np.random.default_rng(0).uniform(-1, 1, (2, *classifier.input_shape[1:]))
    for method in (AttentionRollout(classifier), AttentionRelevance(classifier)):
        maps = method.explain(images.astype("float32"), 1)
        assert maps.shape == images.shape[:3] and maps.max() == 1


@pytest.mark.parametrize("kind", [*WITHOUT, "convolutions"])
def test_others_are_refused(kind):
    classifier = tiny_classifier() if kind == "convolutions" else KINDS[kind]()
    with pytest.raises(ValueError, match="attention among all of its tokens.*Received"):
        AttentionRollout(classifier)
