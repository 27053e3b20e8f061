"""The policy gradient against the exact one, on masks few enough to enumerate."""

import itertools

import numpy as np
import pytest
import tensorflow as tf

from keras_explainer.losses import DiscreteMaskLoss
from keras_explainer.losses.policy_gradient import policy_gradient
from keras_explainer.losses.policy_gradient import published_policy_loss

LOGITS = np.float32([[0.3, -1.1], [0.8, -0.2]])
ALL_MASKS = np.float32(list(itertools.product((0, 1), repeat=4))).reshape(-1, 2, 2)
WEIGHTS = np.random.default_rng(3).normal(size=(4, 5)).astype("float32")


def cost(masks):
    """A cost (...,) of masks (..., 2, 2) that is not linear in the cells."""
    hidden = tf.tanh(tf.reshape(masks, (*masks.shape[:-2], 4)) @ WEIGHTS)
    return 3.0 + tf.reduce_sum(hidden, axis=-1) ** 2


def chance_of(masks, logits):
    chances = tf.sigmoid(logits)
    each = tf.where(masks > 0, chances, 1 - chances)
    return tf.reduce_prod(each, axis=(-2, -1))


def exact_gradient():
    logits = tf.constant(LOGITS)
    with tf.GradientTape() as tape:
        tape.watch(logits)
        value = tf.reduce_sum(chance_of(ALL_MASKS, logits) * cost(ALL_MASKS))
    return tape.gradient(value, logits).numpy()


def sampled_gradients(baseline, slopes, samples=2, count=20_000):
    """One estimate (2, 2) for each of `count` images, all of them alike."""
    logits = tf.constant(np.tile(LOGITS, (count, 1, 1)))
    chances = tf.sigmoid(logits)
    noise = np.random.default_rng(0).uniform(size=(samples, count, 2, 2))
    masks = tf.cast(noise < chances, "float32")
    if baseline == "greedy":
        greedy = tf.cast(chances >= 0.5, "float32")
        baseline = greedy, cost(greedy)
    middle = None
    if slopes:
        with tf.GradientTape() as tape:
            tape.watch(chances)
            value = cost(chances)
        middle = tape.gradient(value, chances)
    with tf.GradientTape() as tape:
        tape.watch(logits)
        value = policy_gradient(logits, masks, cost(masks), baseline, middle)
    return tape.gradient(value, logits).numpy()


@pytest.mark.parametrize("slopes", [False, True])
@pytest.mark.parametrize("baseline", [None, "greedy", "leave_one_out"])
def test_the_mean_estimate_is_the_exact_gradient(baseline, slopes):
    estimates = sampled_gradients(baseline, slopes)
    error = estimates.std(axis=0) / np.sqrt(len(estimates))
    assert error.max() < 0.05 * np.abs(exact_gradient()).max()
    np.testing.assert_array_less(
        np.abs(estimates.mean(axis=0) - exact_gradient()), 4 * error
    )


def test_baseline_and_slopes_reduce_the_variance():
    def variance(*options):
        return sampled_gradients(*options).var(axis=0).sum()

    plain = variance(None, False)
    for baseline in ("greedy", "leave_one_out"):
        assert variance(baseline, False) < 0.7 * plain
        assert variance(baseline, True) < 0.7 * plain


def test_slopes_of_a_linear_cost_leave_no_variance():
    logits = tf.constant(np.tile(LOGITS, (50, 1, 1)))
    slopes = tf.constant(np.tile(np.float32([[1, -2], [3, 4]]), (50, 1, 1)))
    noise = np.random.default_rng(0).uniform(size=(2, 50, 2, 2))
    masks = tf.cast(noise < tf.sigmoid(logits), "float32")
    with tf.GradientTape() as tape:
        tape.watch(logits)
        costs = tf.reduce_sum(slopes * masks, axis=(-2, -1))
        value = policy_gradient(logits, masks, costs, slopes=slopes)
    chances = 1 / (1 + np.exp(-LOGITS))
    expected = slopes.numpy()[0] * chances * (1 - chances)
    found = tape.gradient(value, logits).numpy()
    np.testing.assert_allclose(found, np.tile(expected, (50, 1, 1)), atol=1e-5)


def test_one_mask_cannot_be_left_out():
    with pytest.raises(ValueError, match="at least 2 .* Received: 1"):
        policy_gradient(LOGITS[None], ALL_MASKS[:1, None], np.zeros((1, 1)))


def test_published_surrogate_equals_a_plain_recomputation():
    random = np.random.default_rng(0)
    logits = random.normal(size=(3, 5, 5)).astype("float32")
    masks = random.integers(0, 2, (3, 5, 5)).astype("float32")
    saliency = random.uniform(0, 0.5, (3, 5, 5)).astype("float32")
    costs = np.float32([1.0, 2.0, 6.0])
    expected = np.zeros(3)
    for n, i, j in itertools.product(range(3), range(5), range(5)):
        window = saliency[n, max(i - 1, 0) : i + 2, max(j - 1, 0) : j + 2] >= 0.2
        pulled = window.mean() >= 0.5
        chance = 1 / (1 + np.exp(-logits[n, i, j]))
        loss = -np.log(chance if pulled else 1 - chance)
        reward = 100 / 3 - 9 if pulled else 3
        weight = abs(0.2 - saliency[n, i, j]) * masks[n, i, j]
        expected[n] += loss * reward * weight / 25
    found = published_policy_loss(logits, masks, costs, saliency)
    np.testing.assert_allclose(found, expected, rtol=1e-5)


def test_expected_area_and_differences_of_drawn_masks():
    loss = DiscreteMaskLoss(area_weight=2.0, smoothness_weight=3.0, entropy_weight=0.5)
    chance = np.array(chance_of(ALL_MASKS, LOGITS))
    drawn = loss.mask_terms(ALL_MASKS)
    found = loss.mask_terms(tf.sigmoid(LOGITS[None]))
    for term in ("area", "smoothness"):
        expected = (chance * drawn[term].numpy()).sum()
        assert float(found[term][0]) == pytest.approx(expected, rel=1e-5)
    # The cells are independent: their entropies add up to that of the masks.
    whole = -(chance * np.log(chance)).sum()
    assert float(found["entropy"][0]) == pytest.approx(-0.5 * whole / 4, rel=1e-4)
    np.testing.assert_allclose(drawn["entropy"], 0, atol=1e-4)


@pytest.mark.parametrize("value", [-1, float("inf"), "much"])
def test_weights_are_checked(value):
    with pytest.raises(ValueError, match="`area_weight` .*Received: "):
        DiscreteMaskLoss(area_weight=value)
