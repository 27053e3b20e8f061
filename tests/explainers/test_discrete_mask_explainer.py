"""Discrete masks: the step's gradient, hard masks, and the published variant."""

import itertools

import keras
import numpy as np
import pytest
import tensorflow as tf
from conftest import random_images
from conftest import tiny_classifier

import keras_explainer as kx
from keras_explainer.explainers.binary_mask_logits import binary_mask_logits
from keras_explainer.image_operations.resize import resize_nearest

pytestmark = pytest.mark.usefixtures("eager")

PUBLISHED_WEIGHTS = {
    "classification_weight": 1.0,
    "evidence_weight": 0.0,
    "area_weight": 3.5,
    "smoothness_weight": 3.0,
    "entropy_weight": 0.0,
}
GRID_MASKS = np.float32(list(itertools.product((0, 1), repeat=4))).reshape(-1, 2, 2)


def cost_of(explainer, images, masks, classes):
    """The cost of masks (N, H, W), by its formula for one label of three."""
    loss = explainer.explainer_loss
    picks = np.arange(len(masks)), classes
    kept = explainer.frozen.logits(explainer.background(images, masks))
    left = explainer.frozen.logits(explainer.background(images, 1 - masks))
    known = tf.nn.log_softmax(kept).numpy()[picks]
    chances = tf.nn.softmax(left).numpy()[picks]
    log_odds = np.log(chances / (1 - chances))
    return -known + loss.evidence_weight * np.log1p(np.exp(2 * log_odds)) / 2


def head_gradient(explainer, loss):
    """Gradients of the head's scale, offset and shared vector, as one vector."""
    head = explainer.class_head
    variables = [head.scale, head.offset, head.shared_vector]
    with tf.GradientTape() as tape:
        value = loss()
    gradients = tape.gradient(value, [v.value for v in variables])
    return np.concatenate([np.ravel(g) for g in gradients])


@pytest.mark.slow
@pytest.mark.parametrize(
    ("baseline", "slopes"), [("leave_one_out", False), ("greedy", True)]
)
def test_the_mean_step_gradient_is_the_exact_one(baseline, slopes):
    explainer = kx.DiscreteMaskExplainer(
        tiny_classifier(size=16), grid=2, baseline=baseline, slopes=slopes
    )
    image, rows = random_images(1, 16), np.float32([[0, 1, 0]])
    image *= 4  # Masks then matter more to an untrained classifier.

    def exact():
        read = explainer.frozen(image)
        logits = explainer._chance_logits(read, np.array([[1]]))[0, ..., 0]
        chances = tf.sigmoid(logits)
        each = tf.where(GRID_MASKS > 0, chances, 1 - chances)
        size = (16, 16)
        cells = resize_nearest(GRID_MASKS[..., None], size)[..., 0]
        costs = cost_of(explainer, image, cells, np.ones(16, int))
        expected = tf.reduce_sum(tf.reduce_prod(each, axis=(1, 2)) * costs)
        others = explainer.explainer_loss.mask_terms(chances[None])
        return expected + sum(term[0] for term in others.values())

    def sampled():
        images, labels = np.repeat(image, 100, axis=0), np.repeat(rows, 100, axis=0)
        read = explainer.frozen(images)
        terms, _ = explainer.step_terms(images, read, labels, training=True)
        return tf.reduce_mean(sum(terms.values()))

    estimates = []
    for step in range(12):
        explainer.optimizer.iterations.assign(step)
        estimates.append(head_gradient(explainer, sampled))
    error = np.std(estimates, axis=0, ddof=1) / np.sqrt(len(estimates))
    expected = head_gradient(explainer, exact)
    assert np.linalg.norm(error) < 0.2 * np.linalg.norm(expected)
    assert np.abs(np.mean(estimates, axis=0) - expected).max() < 5 * error.max()


@pytest.mark.parametrize("threshold", [0.35, 0.5])
def test_masks_are_hard_and_cut_where_the_chance_passes_the_threshold(threshold):
    explainer = kx.DiscreteMaskExplainer(tiny_classifier(), grid=8, threshold=threshold)
    explainer.class_head.offset.assign(0.4)
    images = random_images(4)
    masks = explainer.predict(images, verbose=0)["coarse_masks"]
    assert masks.shape == (4, 8, 8, 3)
    chances = keras.ops.sigmoid(explainer._chance_logits(explainer.frozen(images)))
    np.testing.assert_allclose(masks, chances >= threshold, atol=1e-3)
    shown = explainer.explain(images).masks
    assert np.mean((shown > 1e-3) & (shown < 1 - 1e-3)) < 1e-3
    assert 0 < shown.mean() < 1


def test_a_cell_is_in_or_out_however_little_its_chance_differs_from_the_threshold():
    margins = np.float32([-1.0, -1e-4, -1e-9, 0.0, 1e-9, 1e-4, 1.0])
    masks = keras.ops.sigmoid(binary_mask_logits(margins))
    np.testing.assert_array_equal(masks, [0, 0, 0, 0, 1, 1, 1])


def test_evaluation_judges_the_mask_that_is_shown():
    explainer = kx.DiscreteMaskExplainer(tiny_classifier(), grid=32)
    images, labels = random_images(4), np.array([0, 1, 2, 0])
    figures = explainer.evaluate(images, labels, return_dict=True, verbose=0)
    masks = explainer.explain(images, targets=labels).masks[..., 0]
    costs = cost_of(explainer, images, masks.round(), labels)
    assert figures["classification"] == pytest.approx(costs.mean(), rel=1e-4)
    area = explainer.explainer_loss.area_weight * masks.mean()
    assert figures["area"] == pytest.approx(area, rel=1e-3)


@pytest.mark.slow
def test_the_published_surrogate_trains():
    explainer = kx.DiscreteMaskExplainer(
        tiny_classifier(), estimator="published", threshold=0.35, grid=32
    )
    assert explainer.explainer_loss.get_config() == PUBLISHED_WEIGHTS
    before = [np.array(v) for v in explainer.trainable_variables]
    history = explainer.fit(random_images(8), np.arange(8) % 3, verbose=0).history
    assert np.isfinite(history["loss"][0]) and history["loss"][0] != 0
    moved = zip(before, explainer.trainable_variables)
    assert any((old != np.array(new)).any() for old, new in moved)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"estimator": "adam"}, "`estimator` .*Received: 'adam'"),
        ({"baseline": "mean"}, "`baseline` .*Received: 'mean'"),
        ({"grid": 1}, "`grid` .*from 2. Received: 1"),
        ({"samples": 1}, "`samples` .*from 2. Received: 1"),
        ({"threshold": 1.0}, "`threshold` .*Received: 1.0"),
    ],
)
def test_bad_arguments_are_named(arguments, message):
    with pytest.raises(ValueError, match=message):
        kx.DiscreteMaskExplainer(tiny_classifier(), **arguments)
