"""The loss of a training step and its gradient, against one written out by hand."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from conftest import random_images
from conftest import tiny_classifier
from token_classifiers import KINDS

import keras_explainer as kx
from keras_explainer.image_operations.dense_crf import dense_crf
from keras_explainer.image_operations.guided_upsampling import guided_upsampling
from keras_explainer.image_operations.inpainting import inpainted
from keras_explainer.training.draws import judged_labels
from keras_explainer.training.step import _seen

LABELS = np.float32([[1, 0, 1], [0, 1, 0]])
# Of a composite of two halves, and of a whole image.
SHARES = np.float32([0.5, 1.0])
PARTS = np.ones((2, 32, 32), "float32")
PARTS[0, :, 16:] = 0.0


def by_hand(
    classifier, images, logits, targets, inpainting, present=LABELS, share=(1.0, 1.0)
):
    """The loss with overlap, image by image, of independent classes and of others."""
    independent = classifier.layers[-1].activation is keras.activations.sigmoid
    total, weight = 0.0, 1.6 / cost_of_an_answer(classifier, images, independent)
    # The finest that the decoder reads, of 16 x 16 cells.
    features = keras.Model(classifier.input, classifier.layers[3].output)(images)
    cells = tf.image.resize(images, (8, 8), antialias=True)
    for image, colors, maps, row, label, judged, part in zip(
        images, cells, features, logits, present, targets, share
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
        total -= weight * tf.reduce_sum(judged * tf.math.log(kept)) / sum(judged)
        odds = tf.math.log(removed)
        if independent:
            others = tf.reduce_sum((1 - judged) * tf.math.log(1 - kept))
            total -= weight * others / sum(judged)
            odds = odds - tf.math.log(1 - removed)
        else:  # Against the classes that are not there.
            odds = odds - tf.math.log(tf.reduce_sum(removed * (1 - label)))
        hinge = tf.math.log(1 + tf.exp(2 * odds)) / 2
        total += 0.7 * tf.reduce_sum(judged * hinge) / sum(judged)
        rest = label - judged
        hinge = tf.math.log(1 + tf.exp(-2 * odds)) / 2
        total += 0.5 * tf.reduce_sum(rest * hinge) / max(sum(rest), 1)
        width = 16 if part == 1 else 8  # cells that show what is judged
        total -= 1.5 * tf.math.log(1e-3 + explained_share(maps, shown, width))
        total += 2.25 * tf.reduce_mean(shown) / part + 0.3 * tf.reduce_mean(other)
        total += tf.reduce_mean(sum(present) - tf.reduce_max(present, 0))
        for mask, side in ((target, part**0.5), (other, 1.0)):
            # Of 8 cells to a side.
            total += (
                0.0385
                / side
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


def cost_of_an_answer(classifier, images, independent):
    """What each class costs as the only label of a black image, the mean of them."""
    (answers,) = classifier(tf.zeros_like(images[:1]), training=False)
    costs = [-tf.math.log(answer) for answer in answers]
    if independent:
        no = [-tf.math.log(1 - answer) for answer in answers]
        costs = [cost + sum(no) - no[c] for c, cost in enumerate(costs)]
    return np.mean(costs)


def explained_share(maps, mask, width):
    """The share of the variance around a mask that its sides explain of directions."""
    maps = tf.math.l2_normalize(maps, axis=-1)  # zeros stay zeros
    # By half as far as half a cell, of 2 pixels, beside it.
    inside = (mask[None] + tf.nn.max_pool2d(mask[None], 3, 1, "SAME")) / 2
    inside = tf.nn.avg_pool2d(inside, 2, 2, "VALID")[0]
    maps, inside = maps[:, :width], inside[:, :width]
    cells = tf.nn.avg_pool2d(mask[None], 2, 2, "VALID")[0, :, :width, 0]
    counts = near(tf.stop_gradient(cells))[..., None]
    counts = counts / tf.reduce_sum(counts)
    # Of the middle first: sides that differ little leave nothing but rounding.
    maps = maps - tf.reduce_sum(counts * maps, axis=(0, 1))
    between = 0.0
    for side in (counts * inside, counts * (1 - inside)):
        mean = tf.reduce_sum(side * maps, axis=(0, 1)) / tf.reduce_sum(side)
        between += tf.reduce_sum(side) * tf.reduce_sum(mean**2)
    return between / tf.reduce_sum(counts * maps**2)


def near(mask):
    """How much of a mask (h, w) is near each cell, on the scale of the mask."""
    places = [tf.range(side, dtype="float32") for side in mask.shape]
    squares = [(each[:, None] - each) ** 2 for each in places]
    down, across = (tf.exp(-s / (0.98 * tf.reduce_sum(mask))) for s in squares)
    return down @ mask @ across


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


@pytest.mark.parametrize("activation", ["sigmoid", "softmax"])
@pytest.mark.parametrize("inpainting", [False, True])
@pytest.mark.parametrize("single_label", [0.0, 1.0])
def test_loss_and_gradient_are_those_written_out(single_label, inpainting, activation):
    classifier = tiny_classifier(activation=activation)
    explainer = kx.ExplainerModel(classifier, background=0.0)
    explainer.compile(
        loss=kx.ExplainerLoss(overlap_weight=1.0),
        single_label=single_label,
        composites=0.0,
        crops=0.0,
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
    found = tape.gradient(fast, logits)
    np.testing.assert_allclose(found, gradient, rtol=1e-5, atol=1e-6)


def composed_step(activation, seen, monkeypatch):
    """Returns what a step makes of a composite of two images, and of one of them.

    Args:
        activation: That of the classifier.
        seen: Array (2, 3), above 0 where the classifier sees a class in a picture.
        monkeypatch: The fixture.
    """
    classifier = tiny_classifier(activation=activation)
    explainer = kx.ExplainerModel(classifier, background=0.0)
    loss = kx.ExplainerLoss(overlap_weight=1.0)
    explainer.compile(
        loss=loss, composites=1.0, crops=0.0, augmentation=0.0, inpainting=False
    )
    images, labels = random_images(2), np.eye(3, dtype="float32")[[0, 2]]
    composed = tf.concat([images[:1, :, :16], images[1:, :, 16:]], axis=2)
    composed = tf.concat([composed, images[1:]], axis=0)
    monkeypatch.setattr(
        "keras_explainer.training.draws.composites",
        lambda *_: (composed, np.int32([[0, 1, 0, 0], [1, 1, 1, 1]]), SHARES, PARTS),
    )
    monkeypatch.setattr(
        "keras_explainer.training.step._seen", lambda *_: tf.constant(seen > 0)
    )
    logits = tf.constant(np.random.default_rng(0).normal(size=(2, 8, 8, 3)), "float32")
    explainer.class_logits = lambda *_: logits
    return explainer, classifier, images, composed, labels, logits


@pytest.mark.parametrize("activation", ["sigmoid", "softmax"])
def test_a_composite_is_judged_by_the_labels_of_one_of_its_parts(
    activation, monkeypatch
):
    """What the others show should stay seen, and is not absent."""
    step = composed_step(activation, np.ones((2, 3)), monkeypatch)
    explainer, classifier, images, composed, labels, logits = step
    terms, kept = explainer.step_terms(images, {}, labels, training=True)
    present = np.float32([[1, 0, 1], [0, 0, 1]])
    plain = by_hand(classifier, composed, logits, labels, False, present, SHARES)
    np.testing.assert_allclose(tf.reduce_mean(sum(terms.values())), plain, rtol=1e-5)
    # Of what is validated nothing is composed.
    validated, _ = explainer.step_terms(
        images, explainer.frozen(images), labels, training=False
    )
    plain = by_hand(classifier, images, logits, labels, False, labels)
    np.testing.assert_allclose(
        tf.reduce_mean(sum(validated.values())), plain, rtol=1e-5
    )


@pytest.mark.parametrize("activation", ["sigmoid", "softmax"])
def test_what_is_not_seen_in_a_part_is_neither_judged_nor_absent(
    activation, monkeypatch
):
    seen = np.float32([[-1, 1, -1], [1, 1, 1]])
    step = composed_step(activation, seen, monkeypatch)
    explainer, classifier, images, composed, labels, logits = step
    with tf.GradientTape() as tape:
        tape.watch(logits)
        terms, _ = explainer.step_terms(images, {}, labels, training=True)
        loss = sum(terms.values())
    whole = by_hand(classifier, composed[1:], logits[1:], labels[1:], False, labels[1:])
    np.testing.assert_allclose(loss[1], whole, rtol=1e-5)
    # Classes 0 and 2 may be there; only the mask of class 1 has to be small. (What the
    # two others' masks have in common counts as overlap, which is not of one label.)
    gradient = tape.gradient(loss, logits)[0]
    masks = tf.sigmoid(logits)[0]
    overlapping = 1 / 64 * np.asarray(masks * (1 - masks))
    smaller = np.asarray(tf.argmin(masks[..., ::2], axis=-1))
    expected = overlapping[..., ::2] * np.eye(2)[smaller]
    np.testing.assert_allclose(gradient[..., ::2], expected, atol=1e-6)
    assert np.abs(gradient[..., 1]).max() > 1e-3


def masks_of_a_step(explainer, images, outputs, labels, training, monkeypatch):
    """Returns what a step hands to the loss of its masks, a `StepOutputs`."""
    found = []

    def of_masks(step):
        found.append(step)
        return {}

    monkeypatch.setattr(explainer.explainer_loss, "of_masks", of_masks)
    explainer.step_terms(images, outputs, labels, training)
    return found[0]


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("weight", [0.0, 1.0])
def test_features_are_those_of_the_images_and_not_of_a_view(
    weight, training, monkeypatch
):
    explainer = kx.ExplainerModel(tiny_classifier())
    loss = kx.ExplainerLoss(contrast_weight=weight)
    explainer.compile(loss=loss, composites=0.0, crops=0.0, augmentation=1.0)
    images = random_images(2)
    outputs = explainer.frozen(images)
    step = masks_of_a_step(explainer, images, outputs, LABELS, training, monkeypatch)
    found = step.features
    if weight:
        (found,) = found
        np.testing.assert_array_equal(found, outputs["features"][-1])
    else:
        assert found is None


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("rule_out", [True, False])
@pytest.mark.parametrize("activation", ["sigmoid", "softmax"])
def test_absent_classes_are_judged_as_they_are_shown(
    activation, rule_out, training, monkeypatch
):
    """What is ruled out fades there as in `call`; a label's mask is learned unfaded."""
    classifier = tiny_classifier(classes=4, activation=activation)
    classifier.layers[-1].bias.assign([1.0, 0.0, -6.0, -7.0])
    explainer = kx.ExplainerModel(classifier, rule_out=rule_out)
    explainer.compile(composites=0.0, crops=0.0, augmentation=0.0)
    labels = np.float32([[1, 1, 0, 0], [0, 0, 1, 0], [1, 0, 0, 1]])
    images = random_images(3)
    outputs = explainer.frozen(images)
    step = masks_of_a_step(explainer, images, outputs, labels, training, monkeypatch)
    shown = np.array(explainer(images)["coarse_masks"])
    absent = np.max(np.where(labels[:, None, None] > 0, 0.0, shown), axis=-1)
    np.testing.assert_allclose(step.non_target_mask, absent, rtol=1e-5, atol=1e-9)
    assert (absent[0].max() < 1e-3) == rule_out  # Both others are ruled out.
    unfaded = np.array(tf.sigmoid(step.class_logits))
    judged = np.max(np.where(labels[:, None, None] > 0, unfaded, 0.0), axis=-1)
    np.testing.assert_allclose(step.coarse_target_mask, judged, rtol=1e-5)


@pytest.mark.parametrize("kind", ["tokens", "encoder"])
def test_tokens_and_encoders_have_no_contrast(kind, monkeypatch):
    """Tokens tell where they are, an encoder learns."""
    images = random_images(2)
    if kind == "tokens":
        explainer = kx.ExplainerModel(KINDS["class token"]())
    else:
        encoder = tiny_classifier(name="encoder")
        explainer = kx.ExplainerModel(tiny_classifier(), encoder=encoder)
    outputs = explainer.classifier_outputs(images)
    step = masks_of_a_step(explainer, images, outputs, LABELS, True, monkeypatch)
    assert step.features is None


def test_what_is_seen_is_what_is_predicted_but_of_whole_images():
    share = tf.constant([0.3, 1.0, 2.0])
    logits = np.tile(np.float32([[-1.0, 2.0, 1.0]]), (3, 1))
    several = kx.ExplainerModel(tiny_classifier(activation="sigmoid")).frozen
    predicted, every = [False, True, True], [True, True, True]
    found = _seen(several, logits, share)
    np.testing.assert_array_equal(found, [predicted, every, predicted])
    one = kx.ExplainerModel(tiny_classifier(activation="softmax")).frozen
    # In a composite another part's class is ahead of what is there as well.
    found = _seen(one, logits, share)
    np.testing.assert_array_equal(found, [every, every, [False, True, False]])


@pytest.mark.parametrize("sure_from", [0.3, 0.99])
def test_composites_are_made_of_what_the_classifier_is_sure_of(sure_from, monkeypatch):
    """Where it gives the labels itself; labels that are given are taken as they are."""
    explainer = kx.ExplainerModel(tiny_classifier())
    asked = []

    def spy(images, are_sure, share, step):
        asked.append(np.asarray(are_sure))
        number = len(images)
        made_of = np.tile(np.arange(number)[:, None], (1, 4))
        return images, made_of, np.ones(number, "f"), np.ones((number, 32, 32), "f")

    monkeypatch.setattr("keras_explainer.training.draws.composites", spy)
    monkeypatch.setattr("keras_explainer.training.step.PREDICTED_FROM", sure_from)
    explainer.compile(run_eagerly=True)
    images = random_images(4)
    explainer.train_on_batch(images, np.float32([[1, 0, 0]] * 3 + [[0, 0, 0]]))
    assert asked.pop().tolist() == [True, True, True, False]
    explainer.train_on_batch(images)
    probabilities = explainer.classifier.predict(images, verbose=0).max(axis=-1)
    assert asked.pop().tolist() == (probabilities >= sure_from).tolist()


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
