"""Metrics against the classifier: by hand, and against plain loops."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from conftest import assert_unchanged
from conftest import random_images
from conftest import snapshot
from conftest import tiny_classifier
from hand_classifier import ONES
from hand_classifier import PATCH
from hand_classifier import patch_classifier
from hand_classifier import sigmoid
from keras import layers

from keras_explainer import metrics
from keras_explainer.classifiers import FrozenClassifier
from keras_explainer.metrics.faithfulness import _curves

COLOR = np.float32([0.1, -0.2, 0.3])


@pytest.fixture(scope="module")
def hand():
    return patch_classifier()


@pytest.fixture(scope="module")
def tiny():
    keras.utils.set_random_seed(0)
    classifier = tiny_classifier()
    # The calibrated logits are close to each other: spread them.
    dense = classifier.layers[-1]
    dense.set_weights([6 * w for w in dense.get_weights()])
    return classifier


def random_maps(count=4, size=32, seed=1):
    random = np.random.default_rng(seed)
    # Two decimals, so that there are ties.
    return random.uniform(size=(count, size, size)).round(2).astype("float32")


def predict(classifier, image):
    return np.asarray(classifier(image[None], training=False))[0]


# === Insertion and deletion ===


def test_curves_by_hand(hand, eager):
    result = metrics.insertion_deletion(
        hand,
        ONES,
        PATCH,
        targets=0,
        step_share=1 / 16,
        deletion_background=0.0,
        insertion_background=0.0,
    )
    expected = sigmoid([4, 3, 2, 1] + 13 * [0])
    np.testing.assert_allclose(result["deletion"], [expected], rtol=1e-5)
    np.testing.assert_allclose(
        result["insertion"], [sigmoid([0, 1, 2, 3] + 13 * [4])], rtol=1e-5
    )
    area = (expected[1:] + expected[:-1]).sum() / 2 / 16
    np.testing.assert_allclose(result["deletion_auc"], [area], rtol=1e-5)
    np.testing.assert_allclose(result["shares"], np.arange(17) / 16)


def test_curves_equal_a_plain_loop(tiny):
    images, maps, targets = random_images(3), random_maps(3), [0, 2, 1]
    before = snapshot(tiny)
    result = metrics.insertion_deletion(
        tiny,
        images,
        maps,
        targets,
        step_share=0.15,
        deletion_background=COLOR,
        batch_size=5,
    )
    assert_unchanged(tiny, before)
    counts = [round(min(0.15 * step, 1.0) * 32 * 32) for step in range(8)]
    blurred = gaussian_blur(images)
    for i, target in enumerate(targets):
        order = np.argsort(-maps[i].ravel(), kind="stable")
        for step, count in enumerate(counts):
            gone = np.zeros(32 * 32, bool)
            gone[order[:count]] = True
            gone = gone.reshape(32, 32, 1)
            deleted = predict(tiny, np.where(gone, COLOR, images[i]))[target]
            inserted = predict(tiny, np.where(gone, images[i], blurred[i]))[target]
            assert result["deletion"][i, step] == pytest.approx(deleted, abs=1e-5)
            assert result["insertion"][i, step] == pytest.approx(inserted, abs=1e-5)
    trapezoid = np.trapezoid if hasattr(np, "trapezoid") else np.trapz
    np.testing.assert_allclose(
        result["insertion_auc"],
        trapezoid(result["insertion"], result["shares"], axis=1),
        rtol=1e-5,
    )


def gaussian_blur(images, sigma=5.0, radius=10):
    """The blur as a plain sum over a window of reflected pixels."""
    weights = np.exp(-0.5 * (np.arange(-radius, radius + 1) / sigma) ** 2)
    weights /= weights.sum()
    for axis in (1, 2):
        width = [(0, 0)] * 4
        width[axis] = (radius, radius)
        padded = np.pad(images, width, mode="reflect")
        size = images.shape[axis]
        images = sum(
            weight * np.take(padded, range(k, k + size), axis=axis)
            for k, weight in enumerate(weights)
        )
    return images


def test_ties_go_row_by_row(hand, eager):
    result = metrics.insertion_deletion(
        hand, ONES, 0 * PATCH, 0, step_share=1 / 16, deletion_background=0.0
    )
    # Two pixels that count in the first row, two in the second.
    np.testing.assert_allclose(
        result["deletion"][0, :8], sigmoid([4, 3, 2, 2, 2, 1, 0, 0]), rtol=1e-5
    )


def test_the_background_is_the_mean_colour(hand, eager):
    images = ONES * np.float32([1, 3])[:, None, None, None]
    result = metrics.insertion_deletion(hand, images, [PATCH[0]] * 2, targets=0)
    # The classifier's preprocessing is unknown: it is that of each image.
    np.testing.assert_allclose(result["deletion"][:, -1], sigmoid([4, 12]), rtol=1e-5)


# === Area, entropy and confidence ===


def test_saliency_score_by_hand(hand, eager):
    half = np.zeros((1, 4, 4))
    half[:, :, :2] = 1
    # The left half keeps the four pixels that count.
    score = metrics.saliency_score(hand, ONES, half, 0, background=0.0)
    np.testing.assert_allclose(score, np.log(0.5 / sigmoid(4)), rtol=1e-5)
    none = metrics.saliency_score(hand, ONES, 0 * half, 0, background=0.0)
    np.testing.assert_allclose(none, np.log(0.05 / 0.5), rtol=1e-5)
    both = metrics.saliency_score(hand, ONES, half, [[1, 1]], background=0.0)
    np.testing.assert_allclose(both, np.log(0.5), rtol=1e-5)
    two = [np.repeat(part, 2, axis=0) for part in (ONES, half)]
    mixed = metrics.saliency_score(hand, *two, [[1, 1], [0, 1]], background=0.0)
    np.testing.assert_allclose(mixed, np.log([0.5, 0.5 / sigmoid(-4)]), rtol=1e-4)
    assert np.isnan(metrics.saliency_score(hand, ONES, half, [[0, 0]], 0.0)).all()


def test_saliency_score_is_a_softmax_for_sigmoid_heads_too(eager):
    sigmoid_head = patch_classifier(activation="sigmoid")
    score = metrics.saliency_score(sigmoid_head, ONES, ONES, 0, background=0.0)
    np.testing.assert_allclose(score, -np.log(sigmoid(4)), rtol=1e-4)


def test_complement_entropy_by_hand(hand, eager):
    def entropy(p):
        return -(p * np.log2(p) + (1 - p) * np.log2(1 - p))

    for activation, expected in (
        ("softmax", entropy(sigmoid(4))),
        ("sigmoid", (entropy(sigmoid(4)) + 1) / 2),
    ):
        classifier = patch_classifier(activation=activation)
        value = metrics.complement_entropy(classifier, ONES, 0 * PATCH, background=0.0)
        np.testing.assert_allclose(value, [expected], rtol=1e-4)
        value = metrics.complement_entropy(classifier, ONES, PATCH > 0, background=0.0)
        np.testing.assert_allclose(value, [1], rtol=1e-5)


def test_confidence_formulas_by_hand():
    before, after = [0.8, 0.5, 0.5], [0.6, 0.9, 0.5]
    np.testing.assert_allclose(metrics.confidence_drop(before, after), [0.25, 0, 0])
    assert metrics.confidence_increase(before, after).tolist() == [0, 1, 0]


def test_confidence_change_by_hand(hand, eager):
    mask = 0 * PATCH
    mask[0, 0, :2] = 0.5
    result = metrics.confidence_change(hand, ONES, mask, 0, background=0.0)
    np.testing.assert_allclose(result["before"], sigmoid([4]), rtol=1e-5)
    np.testing.assert_allclose(result["after"], sigmoid([1]), rtol=1e-5)
    np.testing.assert_allclose(result["drop"], 1 - sigmoid([1]) / sigmoid([4]), 1e-5)
    other = metrics.confidence_change(hand, ONES, mask, [1], background=0.0)
    assert other["increase"] == [1] and other["drop"] == [0]


def test_confidence_change_equals_a_plain_loop(tiny):
    images, maps = random_images(5), random_maps(5)
    result = metrics.confidence_change(
        tiny, images, maps, background=COLOR, batch_size=2
    )
    for i in range(5):
        whole = predict(tiny, images[i])
        target = whole.argmax()
        kept = COLOR + maps[i][..., None] * (images[i] - COLOR)
        after = predict(tiny, kept)[target]
        drop = max(0, whole[target] - after) / whole[target]
        assert result["drop"][i] == pytest.approx(drop, abs=1e-5)
        assert result["increase"][i] == float(after > whole[target])


# === Class discrimination ===


def test_class_discrimination_by_hand(hand, eager):
    masks = np.zeros((1, 4, 4, 2), "float32")
    masks[0, :2, :2, 0], masks[0, 2:, 2:, 1] = 0.55, 1
    result = metrics.class_discrimination(hand, ONES, masks, [0], background=0.0)
    # The own mask passes five of nine thresholds; the other keeps nothing.
    own = (5 * sigmoid(4) + 4 * 0.5) / 9
    np.testing.assert_allclose(result["matrix"][0], [own, 0.5], rtol=1e-5)
    np.testing.assert_allclose(result["unmasked"][0], sigmoid(4), rtol=1e-5)
    assert np.isnan(result["matrix"][1]).all() and result["images"].tolist() == [1, 0]
    assert result["own"] == pytest.approx(own) and result["other"] == pytest.approx(0.5)
    assert result["gap"] == pytest.approx(own - 0.5)


def test_class_discrimination_equals_a_plain_loop_and_adds_up(tiny):
    images, classes, thresholds = random_images(4), [2, 0], (0.3, 0.6)
    masks = np.stack([random_maps(seed=1), random_maps(seed=2)], axis=-1)
    labels = np.array([[1, 0, 0], [1, 0, 1], [0, 1, 0], [0, 0, 1]])
    expected, counts = np.zeros((2, 2)), np.zeros((2, 1))
    for i in range(4):
        for row, present in enumerate(classes):
            if not labels[i, present]:
                continue
            counts[row] += 1
            for column in range(2):
                for t in thresholds:
                    keep = masks[i, ..., column, None] > np.float32(t)
                    p = predict(tiny, np.where(keep, images[i], COLOR))
                    expected[row, column] += p[present] / len(thresholds)
    expected /= counts
    options = {"classes": classes, "thresholds": thresholds, "background": COLOR}
    result = metrics.class_discrimination(
        tiny, images, masks, labels, batch_size=3, **options
    )
    np.testing.assert_allclose(result["matrix"], expected, atol=1e-5)
    metric = metrics.ClassDiscrimination(tiny, **options)
    metric.update_state(images[:1], masks[:1], labels[:1])
    metric.update_state(images[1:], masks[1:], labels[1:])
    np.testing.assert_allclose(metric.result()["matrix"], expected, atol=1e-5)
    metric.reset_state()
    assert np.isnan(metric.result()["gap"])


# === Patches ===


def test_deletion_correlation_by_hand(hand, eager):
    images = ONES.copy()
    images[0, :2, :2, 0] = [[1, 2], [3, 4]]
    exact = images[..., 0].copy()
    exact[:, 2:] = exact[:, :, 2:] = 0
    options = {"targets": 0, "patches": 4, "background": 0.0}
    value = metrics.deletion_correlation(hand, images, exact, **options)
    np.testing.assert_allclose(value, [1], atol=1e-5)
    value = metrics.deletion_correlation(hand, images, -exact, **options)
    np.testing.assert_allclose(value, [-1], atol=1e-5)
    assert np.isnan(metrics.deletion_correlation(hand, images, 0 * exact, **options))
    # In quarters only the first one counts, and only the first one has a drop.
    value = metrics.deletion_correlation(
        hand, images, exact, 0, patches=2, background=0.0, score="probability"
    )
    np.testing.assert_allclose(value, [1], atol=1e-5)


def test_deletion_correlation_equals_a_plain_loop(tiny):
    images, maps = random_images(2), random_maps(2)
    values = metrics.deletion_correlation(
        tiny, images, maps, 1, patches=3, background=COLOR, score="probability"
    )
    for i in range(2):
        sums, drops = [], []
        whole = predict(tiny, images[i])[1]
        # 32 pixels in 3 patches: the cell of pixel y is floor(3 y / 32).
        for rows in ((0, 11), (11, 22), (22, 32)):
            for columns in ((0, 11), (11, 22), (22, 32)):
                where = (slice(*rows), slice(*columns))
                picture = images[i].copy()
                picture[where] = COLOR
                sums.append(maps[i][where].sum())
                drops.append(whole - predict(tiny, picture)[1])
        assert values[i] == pytest.approx(np.corrcoef(sums, drops)[0, 1], abs=1e-4)


# === ROAD ===


def test_linear_imputation_solves_the_sparse_system():
    random = np.random.default_rng(0)
    image = random.uniform(size=(12, 12))
    keep = random.uniform(size=(12, 12)) > 0.6
    keep[3:9, 3:9] = False
    # The exact solution: each removed pixel is the mean of its neighbours.
    matrix, right = np.eye(144), np.where(keep, image, 0).ravel()
    for y, x in np.argwhere(~keep):
        weights = {}
        for dy in (-1, 0, 1):
            for dx in (-1, 0, 1):
                inside = 0 <= y + dy < 12 and 0 <= x + dx < 12
                if inside and (dy or dx):
                    weight = 1 / 12 if dy and dx else 1 / 6
                    weights[12 * (y + dy) + x + dx] = weight
        for other, weight in weights.items():
            matrix[12 * y + x, other] -= weight / sum(weights.values())
    exact = np.linalg.solve(matrix, right).reshape(12, 12)
    filled = metrics.linear_imputation(image[None, ..., None], keep[None], noise=0.0)
    filled = filled.numpy()[0, ..., 0]
    np.testing.assert_allclose(filled[keep], image[keep], rtol=1e-6)
    np.testing.assert_allclose(filled, exact, atol=0.02)
    more = metrics.linear_imputation(
        image[None, ..., None], keep[None], noise=0.0, sweeps=500
    )
    np.testing.assert_allclose(more[0, ..., 0], exact, atol=1e-4)


def test_imputation_noise_is_seeded_and_only_where_pixels_are_new():
    image = random_images(1)
    keep = random_maps(1) > 0.5
    first = metrics.linear_imputation(image, keep, noise=0.1, seed=3).numpy()
    again = metrics.linear_imputation(image, keep, noise=0.1, seed=3).numpy()
    plain = metrics.linear_imputation(image, keep, noise=0.0).numpy()
    np.testing.assert_array_equal(first, again)
    np.testing.assert_array_equal(first[keep], image[keep])
    spread = (first - plain)[~keep].std() / np.ptp(image)
    assert spread == pytest.approx(0.1, rel=0.1)


def test_road_by_hand(hand, eager):
    # Zeros around the bright patch: filling it from them removes the evidence.
    image = 0 * ONES
    image[0, :2, :2] = 4
    result = metrics.road(hand, image, PATCH, 0, shares=(0.25,), noise=0.0)
    np.testing.assert_allclose(result["most_first"], [[0.5]], atol=1e-4)
    # The least important pixels go: the patch stays.
    np.testing.assert_allclose(result["least_first"], [[1]], atol=1e-4)
    np.testing.assert_allclose(result["score"], [0.25], atol=1e-4)


def test_road_tells_the_right_map_from_the_wrong_one(hand, eager):
    image = random_images(1, size=4, channels=1) * 0.1
    image[0, :2, :2] = 4
    right = metrics.road(hand, image, PATCH, 0)
    wrong = metrics.road(hand, image, -PATCH, 0)
    assert right["most_first"].shape == (1, 5)
    assert right["score"][0] > 0.05 > -0.05 > wrong["score"][0]


# === What all share ===


CALLS = {
    "insertion_deletion": {"targets": 0},
    "saliency_score": {"targets": 0},
    "complement_entropy": {},
    "confidence_change": {"targets": 0},
    "deletion_correlation": {"targets": 0, "patches": 2},
    "road": {"targets": 0},
}


def first_value(result):
    if isinstance(result, dict):
        result = result.get("deletion", result.get("most_first", result.get("drop")))
    return np.asarray(result)


@pytest.mark.parametrize("name", CALLS)
def test_every_form_of_maps_gives_the_same(name, hand, eager):
    def call(maps):
        return first_value(getattr(metrics, name)(hand, ONES, maps, **CALLS[name]))

    expected = call(PATCH)
    np.testing.assert_array_equal(call(PATCH[..., None]), expected)
    np.testing.assert_array_equal(call(tf.constant(PATCH)), expected)
    binary = PATCH > 0.85
    np.testing.assert_array_equal(call(binary), call(binary.astype("float64")))


@pytest.mark.parametrize("name", CALLS)
def test_wrong_input_raises(name, hand):
    function, options = getattr(metrics, name), CALLS[name]
    with pytest.raises(ValueError, match=r"`maps`.*Received: shape \(1, 4, 3\)"):
        function(hand, ONES, PATCH[..., :3], **options)
    with pytest.raises(ValueError, match=r"Images.*Received: shape \(4, 4, 1\)"):
        function(hand, ONES[0], PATCH, **options)
    with pytest.raises(ValueError, match="`maps` should be finite"):
        function(hand, ONES, PATCH + np.inf, **options)
    with pytest.raises(ValueError, match="`classifier`.*scores of shape"):
        function(lambda x: x, ONES, PATCH, **options)
    if name in ("saliency_score", "complement_entropy", "confidence_change"):
        with pytest.raises(ValueError, match=r"`maps`.*\[0, 1\].*from 0 to 2"):
            function(hand, ONES, 2 * PATCH, **options)
    if "targets" in options:
        with pytest.raises(ValueError, match="`targets`.*Received: 7"):
            function(hand, ONES, PATCH, **{**options, "targets": 7})


@pytest.mark.parametrize(
    "name, options, message",
    [
        ("insertion_deletion", {"step_share": 0}, "`step_share`.*Received: 0"),
        ("insertion_deletion", {"targets": [[1, 1]]}, "`targets`.*Received: 2 classes"),
        ("deletion_correlation", {"patches": 5}, "`patches`.*Received: 5"),
        ("deletion_correlation", {"score": "loss"}, "`score`.*Received: 'loss'"),
        ("road", {"shares": (0.5, 1.0)}, "`shares`.*Received:"),
    ],
)
def test_wrong_options_raise(name, options, message, hand):
    with pytest.raises(ValueError, match=message):
        getattr(metrics, name)(hand, ONES, PATCH, **options)


def test_wrong_class_discrimination_raises(hand):
    masks = np.zeros((1, 4, 4, 2))
    with pytest.raises(ValueError, match=r"`class_masks`.*Received: shape \(1, 4, 4"):
        metrics.class_discrimination(hand, ONES, masks[..., :1], [0])
    with pytest.raises(ValueError, match="`class_masks` should be finite"):
        metrics.class_discrimination(hand, ONES, masks * np.nan, [0])
    with pytest.raises(ValueError, match=r"`classes`.*Received: \[2\]"):
        metrics.class_discrimination(hand, ONES, masks, [0], classes=[2])
    with pytest.raises(ValueError, match="`targets`.*Received: 2"):
        metrics.class_discrimination(hand, ONES, masks, [0, 1])


def test_a_linear_head_is_read_through_a_frozen_classifier(eager):
    linear = patch_classifier(activation="linear")
    with pytest.raises(ValueError, match="`multi_label`"):
        metrics.complement_entropy(linear, ONES, PATCH)
    frozen = FrozenClassifier(linear, multi_label=False)
    result = metrics.confidence_change(frozen, ONES, 0 * PATCH, 0, background=0.0)
    np.testing.assert_allclose(result["before"], sigmoid([4]), rtol=1e-5)


@pytest.mark.slow
def test_images_of_any_size(eager):
    images = keras.Input((None, None, 3))
    x = layers.GlobalAveragePooling2D()(layers.Conv2D(4, 3)(images))
    open_size = keras.Model(images, layers.Dense(2, activation="softmax")(x))
    for size in (12, 20):
        maps = random_maps(2, size)
        for name, options in CALLS.items():
            result = getattr(metrics, name)(
                open_size, random_images(2, size), maps, **options
            )
            assert np.isfinite(first_value(result)).all(), name


def test_one_trace_serves_batches_of_all_sizes(tiny):
    def run(count):
        metrics.insertion_deletion(
            tiny, random_images(count), random_maps(count), 0, step_share=0.5
        )

    run(2), run(3)
    traces = _curves.experimental_get_tracing_count()
    run(4), run(1), run(5)
    assert _curves.experimental_get_tracing_count() == traces
