"""The loss of a training step and its gradient, against one written out by hand."""

import numpy as np
import pytest
import tensorflow as tf
from conftest import random_images
from conftest import tiny_classifier

import keras_explainer as kx
from keras_explainer.image_operations.dense_crf import dense_crf
from keras_explainer.image_operations.guided_upsampling import guided_upsampling
from keras_explainer.image_operations.inpainting import inpainted
from keras_explainer.training.draws import judged_labels

LABELS = np.float32([[1, 0, 1], [0, 1, 0]])


def by_hand(classifier, images, logits, targets, inpainting):
    """The loss for several labels, with overlap, image by image."""
    total = 0.0
    cells = tf.image.resize(images, (8, 8), antialias=True)
    for image, colors, row, label, judged in zip(
        images, cells, logits, LABELS, targets
    ):
        scale = 0.05 * (tf.reduce_max(colors) - tf.reduce_min(colors))
        masks = tf.unstack(tf.sigmoid(row), axis=-1)
        target = tf.reduce_max([masks[c] for c in range(3) if judged[c]], 0)
        other = tf.reduce_max([masks[c] for c in range(3) if not label[c]], 0)
        present = [masks[c] for c in range(3) if label[c]]
        # As `explain` shows it: cells of like colour agree, and it ends at edges.
        merged = tf.math.log(target / (1 - target))[None, ..., None]
        merged = dense_crf(merged, image[None])
        shown = tf.sigmoid(guided_upsampling(merged, image[None]))[0]
        fill = tf.zeros_like(image)
        if inpainting:
            rest = tf.nn.avg_pool2d(tf.stop_gradient(1 - shown)[None], 2, 2, "SAME")
            fill = inpainted(image[None], rest[..., 0])[0]
        kept, removed = (
            classifier(part[None], training=False)[0]
            for part in (image * shown, image * (1 - shown) + fill * shown)
        )
        total += -tf.reduce_mean(
            judged * tf.math.log(kept) + (1 - judged) * tf.math.log(1 - kept)
        )
        odds = tf.math.log(removed / (1 - removed))
        hinge = tf.math.log(1 + tf.exp(2 * odds)) / 2
        total += 0.7 * tf.reduce_sum(judged * hinge) / sum(judged)
        rest = label - judged
        hinge = tf.math.log(1 + tf.exp(-2 * odds)) / 2
        total += 0.5 * tf.reduce_sum(rest * hinge) / max(sum(rest), 1)
        total += 3 * tf.reduce_mean(shown) + 0.3 * tf.reduce_mean(other)
        total += tf.reduce_mean(sum(present) - tf.reduce_max(present, 0))
        for mask in (target, other):
            # Of 8 cells to a side.
            total += (
                0.0385
                / 8
                * sum(
                    variation(*pair, scale)
                    for pair in (
                        (mask[1:] - mask[:-1], colors[1:] - colors[:-1]),
                        (mask[:, 1:] - mask[:, :-1], colors[:, 1:] - colors[:, :-1]),
                    )
                )
            )
    return total / len(images)


def variation(steps, color_steps, scale):
    distance = tf.reduce_sum((color_steps / scale) ** 2, axis=-1)
    return tf.reduce_sum(tf.abs(steps) * tf.exp(-distance / 2))


@pytest.mark.slow
def test_a_term_without_weight_leaves_the_others_to_learn_from():
    explainer = kx.ExplainerModel(tiny_classifier(activation="sigmoid"))
    explainer.compile(loss=kx.ExplainerLoss(evidence_weight=0.0))
    before = [np.array(w) for w in explainer.trainable_variables]
    history = explainer.fit(random_images(2), LABELS, verbose=0).history
    assert history["entropy"] == [0.0] and history["classification"][0] > 0
    after = explainer.trainable_variables
    assert any((old != new.numpy()).any() for old, new in zip(before, after))


@pytest.mark.parametrize("inpainting", [False, True])
@pytest.mark.parametrize("single_label", [0.0, 1.0])
def test_loss_and_gradient_are_those_written_out(single_label, inpainting):
    classifier = tiny_classifier(activation="sigmoid")
    explainer = kx.ExplainerModel(classifier, background=0.0)
    explainer.compile(
        loss=kx.ExplainerLoss(overlap_weight=1.0),
        single_label=single_label,
        augmentation=0.0,
        inpainting=inpainting,
    )
    images = random_images(2)
    logits = tf.constant(np.random.default_rng(0).normal(size=(2, 8, 8, 3)), "float32")
    explainer.class_logits = lambda *_: logits
    with tf.GradientTape(persistent=True) as tape:
        tape.watch(logits)
        outputs = explainer.frozen(images)
        terms, _ = explainer.step_terms(images, outputs, LABELS, training=True)
        fast = tf.reduce_mean(sum(terms.values()))
        # The label that the first step draws.
        step = explainer.step_seed.of_step(explainer.optimizer.iterations)
        targets = judged_labels(LABELS, single_label, step)
        plain = by_hand(classifier, images, logits, targets, inpainting)
    np.testing.assert_allclose(fast, plain, rtol=1e-5)
    gradient = tape.gradient(plain, logits)
    assert np.abs(gradient).max() > 1e-3
    np.testing.assert_allclose(tape.gradient(fast, logits), gradient, atol=1e-6)


def published_masks_by_hand(enlarged, label):
    """The authors' area and smoothness of an image, from logits (H, W, C) in pixels."""
    masks = 1 / (1 + np.exp(-enlarged))
    target = masks[..., label == 1].max(axis=-1)
    other = masks[..., label == 0].max(axis=-1)
    area = 0.1 * target.mean() + 0.3 * other.mean()
    for mask in np.moveaxis(masks[..., label == 1], -1, 0):
        values, rank = np.sort(mask.ravel())[::-1], np.arange(mask.size)
        least, most = (rank < int(share * mask.size) for share in (0.05, 0.3))
        area += np.maximum(least - values, 0).mean()
        area += np.maximum(values - most, 0).mean()
    smoothness = 0.0
    for mask in (target, other):
        padded = np.pad(mask, 1, mode="reflect")
        for beside in (padded[1:-1, 2:], padded[2:, 1:-1]):
            smoothness += np.abs(mask - beside).mean()
    return target, area, smoothness


def test_published_terms_are_of_the_images_pixels():
    classifier = tiny_classifier(activation="sigmoid")
    explainer = kx.ExplainerModel(classifier, background=0.0)
    explainer.compile(loss=kx.ExplainerLoss.published("voc2007", "vgg16"))
    images = random_images(2)
    logits = np.random.default_rng(0).normal(size=(2, 8, 8, 3)).astype("float32")
    explainer.class_logits = lambda *_: tf.constant(logits)
    outputs = explainer.frozen(images)
    terms, kept_logits = explainer.step_terms(images, outputs, LABELS, training=True)
    enlarged = tf.image.resize(logits, (32, 32)).numpy()
    for number, label in enumerate(LABELS):
        target, *expected = published_masks_by_hand(enlarged[number], label)
        found = [terms[name][number] for name in ("area", "smoothness")]
        np.testing.assert_allclose(found, expected, rtol=1e-5)
        kept = classifier(images[number : number + 1] * target[..., None])
        np.testing.assert_allclose(tf.sigmoid(kept_logits[number]), kept[0], atol=1e-5)
