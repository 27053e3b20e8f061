"""Real-time saliency's objective: known answers, fake classes, the published form."""

import numpy as np
import pytest
import tensorflow as tf

from keras_explainer.losses import RealTimeSaliencyLoss


def test_published_terms_equal_a_plain_recomputation():
    random = np.random.default_rng(0)
    masks = random.uniform(size=(3, 4, 5)).astype("float32")
    kept, removed = np.log(random.uniform(0.1, 1, (2, 3))).astype("float32")
    selected, real = np.float32([0.0, 2.0, -2.0]), np.float32([1, 1, 0])
    terms = RealTimeSaliencyLoss.published()(masks, kept, removed, selected, real)
    np.testing.assert_allclose(terms["preservation"], -real * kept, rtol=1e-5)
    destroyed = 5 * real * np.exp(removed) ** 0.3
    np.testing.assert_allclose(terms["destruction"], destroyed, rtol=1e-5)
    np.testing.assert_allclose(terms["area"], 1e-3 * masks.mean((1, 2)), rtol=1e-5)
    variation = [
        np.mean(np.diff(m, axis=0) ** 2) + np.mean(np.diff(m, axis=1) ** 2)
        for m in masks
    ]
    np.testing.assert_allclose(terms["smoothness"], 10 * np.array(variation), rtol=1e-5)
    entropy = -np.log([0.5, 1 / (1 + np.exp(-2)), 1 / (1 + np.exp(-2))])
    np.testing.assert_allclose(terms["selection"], entropy, rtol=1e-5)


def test_a_fake_class_asks_for_an_empty_mask_alone():
    masks = tf.constant(np.full((1, 2, 2), 0.5, "float32"))
    kept = tf.constant([-3.0])
    with tf.GradientTape() as tape:
        tape.watch([masks, kept])
        terms = RealTimeSaliencyLoss()(masks, kept, kept, kept, np.zeros(1, "float32"))
        total = sum(terms[name] for name in ("preservation", "destruction", "area"))
    by_mask, by_answer = tape.gradient(total, [masks, kept])
    assert np.all(by_mask.numpy() > 0) and not np.any(by_answer)


@pytest.mark.parametrize("share", [-0.1, 1.5])
def test_the_share_of_fake_classes_is_checked(share):
    with pytest.raises(ValueError, match="`fake_share` .*0 to 1. Received: "):
        RealTimeSaliencyLoss(fake_share=share)
