"""Sanity checks: maps that must change, masks that must not tell."""

import keras
import numpy as np
import pytest
from conftest import assert_unchanged
from conftest import random_images
from conftest import snapshot
from conftest import tiny_classifier
from scipy.stats import spearmanr

from keras_explainer import metrics
from keras_explainer.attribution import GradCAM


def test_a_random_mask_has_the_same_area_at_every_threshold():
    maps = np.random.default_rng(0).uniform(size=(3, 20, 14))
    control = metrics.random_mask_like(maps, seed=1)
    for t in np.linspace(0, 1, 23):
        np.testing.assert_array_equal(
            (control >= t).sum(axis=(1, 2)), (maps >= t).sum(axis=(1, 2))
        )
    assert np.abs(control - maps).mean() > 0.1
    np.testing.assert_array_equal(control, metrics.random_mask_like(maps, seed=1))
    assert (control != metrics.random_mask_like(maps, seed=2)).any()
    binary = metrics.random_mask_like(maps[..., None] > 0.8, seed=1)
    assert sorted(np.unique(binary)) == [0, 1]


def test_a_random_mask_is_smooth():
    maps = np.random.default_rng(0).uniform(size=(4, 32, 32))

    def roughness(values):
        return np.abs(np.diff(values, axis=1)).mean()

    assert roughness(metrics.random_mask_like(maps)) < 0.4 * roughness(maps)
    with pytest.raises(ValueError, match="`cells`.*Received: 1"):
        metrics.random_mask_like(maps, cells=1)


def test_spearman_equals_scipy_with_ties():
    random = np.random.default_rng(0)
    first, second = random.uniform(size=(2, 5, 6, 7)).round(1)
    values = metrics.spearman(first, second)
    for a, b, value in zip(first, second, values):
        assert value == pytest.approx(spearmanr(a.ravel(), b.ravel())[0])
    assert np.isnan(metrics.spearman(first * 0, second)).all()


def test_structural_similarity_by_hand():
    maps = np.random.default_rng(0).uniform(size=(2, 4, 4))
    np.testing.assert_allclose(metrics.structural_similarity(maps, maps), 1, atol=1e-6)
    stretched = metrics.structural_similarity(maps, 5 * maps - 2)
    np.testing.assert_allclose(stretched, 1, atol=1e-5)
    # Two zero maps are alike; against an inverted map the covariance is negative.
    assert metrics.structural_similarity(0 * maps, 0 * maps) == pytest.approx([1, 1])
    assert (metrics.structural_similarity(maps, 1 - maps) < 0).all()
    with pytest.raises(ValueError, match=r"`others`.*Received: shape \(1, 4, 4\)"):
        metrics.spearman(maps, maps[:1])


def test_randomization_from_the_output_down():
    classifier = tiny_classifier()
    before = snapshot(classifier)
    seen = []

    def make_method(model):
        seen.append([w.copy() for w in model.get_weights()])
        return lambda images, targets: images[..., 0]

    images = random_images(2)
    result = metrics.model_randomization(classifier, make_method, images, 0, stages=3)
    assert_unchanged(classifier, before)
    # This method ignores the classifier, and the check says so.
    np.testing.assert_allclose(result["spearman"], np.ones((3, 2)))
    np.testing.assert_allclose(result["ssim"], np.ones((3, 2)), atol=1e-6)
    # Seven layers have weights; the dense layer goes first, the first one last.
    changed = [
        {i for i, (a, b) in enumerate(zip(seen[0], weights)) if (a != b).any()}
        for weights in seen[1:]
    ]
    kernel_of_dense, kernel_of_first = len(seen[0]) - 2, 0
    assert kernel_of_dense in changed[0] and kernel_of_first not in changed[1]
    assert changed[0] < changed[1] < changed[2] and kernel_of_first in changed[2]
    assert len(result["layers"]) == 3
    # Shuffled, not drawn anew.
    for old, new in zip(seen[0], seen[-1]):
        np.testing.assert_array_equal(np.sort(old.ravel()), np.sort(new.ravel()))


def test_randomization_changes_grad_cam(eager):
    result = metrics.model_randomization(
        tiny_classifier(),
        lambda model: GradCAM(model).explain,
        random_images(3),
        targets=1,
        stages=2,
    )
    known = result["spearman"][-1][np.isfinite(result["spearman"][-1])]
    assert (known < 0.99).all()


def test_randomization_reaches_nested_models_and_checks_its_arguments():
    inner = tiny_classifier(activation="linear")
    images = keras.Input((32, 32, 3))
    outer = keras.Model(images, keras.layers.Activation("softmax")(inner(images)))
    weights = []

    def make_method(model):
        weights.append(model.get_weights())
        return lambda images, targets: images[..., 0]

    images = random_images(1)
    metrics.model_randomization(outer, make_method, images, 0, stages=1)
    assert (weights[0][0] != weights[1][0]).any()
    with pytest.raises(ValueError, match="`targets`.*Received: None"):
        metrics.model_randomization(outer, make_method, images, None)
    with pytest.raises(ValueError, match="`stages`.*from 1 to 7.*Received: 8"):
        metrics.model_randomization(outer, make_method, images, 0, stages=8)
