"""Real-time saliency: drawn classes, backgrounds, and the selector's gate."""

import numpy as np
import pytest
import tensorflow as tf
from conftest import random_images
from conftest import tiny_classifier

import keras_explainer as kx
from keras_explainer.image_operations.random_background import random_background
from keras_explainer.losses import RealTimeSaliencyLoss
from keras_explainer.training.draws import drawn_label

pytestmark = pytest.mark.usefixtures("eager")


def test_the_class_of_a_step_is_one_of_the_labels():
    rows = np.tile(np.float32([[1, 0, 1, 0], [0, 0, 0, 0]]), (500, 1))
    classes, known = drawn_label(rows, 3)
    np.testing.assert_array_equal(known, np.tile([1, 0], 500))
    labelled = np.asarray(classes)[::2, 0]
    assert set(labelled) == {0, 2} and abs((labelled == 0).mean() - 0.5) < 0.07
    other = np.asarray(drawn_label(rows, 3, salt=1)[0])[::2, 0]
    assert (other != labelled).any()


@pytest.mark.parametrize("share", [0.0, 0.5, 1.0])
def test_fake_classes_are_drawn_from_those_that_are_not_there(share):
    explainer = kx.RealTimeSaliencyExplainer(tiny_classifier(classes=4))
    explainer.compile(loss=RealTimeSaliencyLoss(fake_share=share))
    rows = np.tile(np.float32([[1, 0, 1, 0]]), (400, 1))
    classes, real = (np.asarray(part) for part in explainer._drawn_classes(rows, 5))
    assert abs(real.mean() - (1 - share)) < 0.08
    assert set(classes[real == 1, 0]) <= {0, 2} and set(classes[real == 0, 0]) <= {1, 3}


def test_images_without_labels_are_fakes_and_those_with_all_are_not():
    explainer = kx.RealTimeSaliencyExplainer(tiny_classifier())
    rows = np.repeat(np.float32([[0, 0, 0], [1, 1, 1]]), 20, axis=0)
    _, real = explainer._drawn_classes(rows, 0)
    np.testing.assert_array_equal(real, [0] * 20 + [1] * 20)


def test_backgrounds_are_blurred_or_coloured_with_noise():
    images = np.zeros((400, 32, 32, 3), "float32")
    images[:, ::2] = 1.0  # Blurring leaves a grey without noise.
    color = np.float32([0.2, 0.2, 0.2])
    drawn = np.asarray(random_background(tf.constant(images), color, 1.0, 7))
    spread = drawn.std(axis=(1, 2)).mean(axis=1)
    blurred = spread < 0.09
    assert abs(blurred.mean() - 0.5) < 0.1
    np.testing.assert_allclose(drawn[blurred].mean(axis=(1, 2)), 0.5, atol=0.05)
    np.testing.assert_allclose(spread[~blurred], 0.11, atol=0.02)
    colors = drawn[~blurred].mean(axis=(1, 2)) - 0.2
    assert 0.28 < np.abs(colors).max() < 0.36
    again = np.asarray(random_background(tf.constant(images[:3]), color, 1.0, 7))
    np.testing.assert_allclose(again, drawn[:3], atol=1e-6)


def test_a_closed_gate_empties_the_mask_and_an_open_one_does_not():
    explainer = kx.RealTimeSaliencyExplainer(tiny_classifier(), evidence=False)
    decoder, read = explainer.decoder, explainer.frozen(random_images(2))
    decoder.class_vectors.assign(np.zeros(decoder.class_vectors.shape))
    decoder.class_offsets.assign([-20.0, 0.0, 20.0])
    masks = np.asarray(tf.sigmoid(explainer.class_logits(None, read)))
    assert masks[..., 0].max() < 1e-6
    np.testing.assert_allclose(masks[..., 1], 1 / 3, atol=0.1)
    np.testing.assert_allclose(masks[..., 2], 1 / 2, atol=0.1)


def test_the_selector_starts_from_the_evidence_of_the_classifier():
    explainer = kx.RealTimeSaliencyExplainer(tiny_classifier())
    read = explainer.frozen(random_images(2))
    scores = explainer.decoder.scores(read["features"], read["evidence"])
    np.testing.assert_allclose(scores, read["evidence"], atol=1e-6)
