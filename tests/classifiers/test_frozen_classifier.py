"""Feature maps, logits and evidence, with no layer name given."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from conftest import assert_unchanged
from conftest import random_images
from conftest import snapshot
from conftest import tiny_classifier
from keras import layers

from keras_explainer.classifiers import FrozenClassifier


def with_head(head, multi_label="auto"):
    """A classifier of one convolution and the layers of a head."""
    images = keras.Input((8, 8, 3))
    x = layers.Conv2D(4, 3, strides=2, padding="same", activation="relu")(images)
    return keras.Model(images, head(x))


def pooled(x):
    return layers.GlobalAveragePooling2D()(x)


def one_by_one(x):
    """Like MobileNetV3: pooling that keeps dimensions and 1x1 convolutions."""
    x = layers.GlobalAveragePooling2D(keepdims=True)(x)
    x = layers.Conv2D(5, 1, activation="relu")(x)
    x = layers.Conv2D(3, 1)(x)
    return layers.Softmax()(layers.Flatten()(x))


SOFTMAX_HEADS = {
    "dense": lambda x: layers.Dense(3, activation="softmax")(pooled(x)),
    "activation": lambda x: layers.Activation("softmax")(layers.Dense(3)(pooled(x))),
    "softmax layer": lambda x: layers.Softmax()(layers.Dense(3)(pooled(x))),
    "ops": lambda x: keras.ops.softmax(layers.Dense(3)(keras.ops.mean(x, axis=(1, 2)))),
    "1x1 convolutions": one_by_one,
    "max pooling": lambda x: layers.Dense(3, activation="softmax")(
        layers.GlobalMaxPooling2D()(x)
    ),
    "average pooling and flatten": lambda x: layers.Dense(3, activation="softmax")(
        layers.Flatten()(layers.AveragePooling2D(4)(x))
    ),
    "flatten": lambda x: layers.Dense(3, activation="softmax")(
        layers.Dense(6, activation="relu")(layers.Flatten()(x))
    ),
    "no dense": lambda x: layers.Softmax()(pooled(layers.Conv2D(3, 1)(x))),
}


@pytest.mark.parametrize("name", SOFTMAX_HEADS)
def test_logits_are_those_before_the_softmax(name):
    model = with_head(SOFTMAX_HEADS[name])
    before = snapshot(model)
    frozen = FrozenClassifier(model)
    assert frozen.multi_label is False
    images = random_images(2, 8)
    read = frozen(images)
    probabilities = np.asarray(model(images))
    np.testing.assert_allclose(
        frozen.probabilities(read["logits"]), probabilities, atol=1e-6
    )
    np.testing.assert_allclose(frozen.logits(images), read["logits"], atol=1e-6)
    # Not the logarithm of the softmax, which would sum to one.
    assert not np.allclose(np.exp(read["logits"]).sum(axis=1), 1)
    assert_unchanged(model, before)
    np.testing.assert_array_equal(model(images), probabilities)


@pytest.mark.parametrize(
    ("depth", "finest", "expected"),
    [
        (5, 16, [8, 4, 2]),
        (5, 4, [4, 2]),
        (5, 32, [8, 4, 2]),
        (2, 16, [4, 2]),
        (3, 1, [1]),
    ],
)
def test_outlines_are_told_by_cells_up_to_8_pixels_or_to_those_of_the_masks(
    depth, finest, expected
):
    """Where there are none so coarse, from the final map on."""
    images = x = keras.Input((64, 64, 3))
    for level in range(depth + 1):
        stride = 1 if level == 0 else 2
        x = layers.Conv2D(4, 3, stride, padding="same", name=f"at_{2**level}")(x)
    model = keras.Model(images, SOFTMAX_HEADS["dense"](x))
    frozen = FrozenClassifier(model, finest_stride=finest)
    pixels = random_images(2, 64)
    found = frozen.outline_features(pixels)
    assert len(found) == len(expected)
    for features, cell in zip(found, expected):
        wanted = keras.Model(images, model.get_layer(f"at_{cell}").output)
        np.testing.assert_allclose(features, wanted(pixels), atol=1e-6)


@pytest.mark.parametrize("name", SOFTMAX_HEADS)
def test_evidence_is_the_head_on_a_map_filled_with_one_cell(name):
    model = with_head(SOFTMAX_HEADS[name])
    frozen = FrozenClassifier(model)
    read = frozen(random_images(2, 8))
    features, evidence = read["features"][0], np.asarray(read["evidence"])
    assert evidence.shape == (2, 4, 4, 3)
    for i, j, k in ((0, 0, 0), (1, 3, 2), (0, 2, 1)):
        filled = np.broadcast_to(features[i, j, k], features.shape[1:])[None]
        (logits,) = frozen.graph.run(
            {frozen.level_tensors[0]: filled}, [frozen.logits_tensor]
        )
        output = np.asarray(keras.ops.softmax(np.reshape(logits, (1, 3))))
        odds = np.log(output) - np.log1p(-output)
        np.testing.assert_allclose(evidence[i, j, k], odds[0], atol=1e-4)


def test_sigmoid_heads_are_multi_label_and_linear_heads_must_say():
    sigmoid = with_head(lambda x: layers.Dense(3, activation="sigmoid")(pooled(x)))
    assert FrozenClassifier(sigmoid).multi_label is True
    linear = with_head(lambda x: layers.Dense(3)(pooled(x)))
    assert FrozenClassifier(linear, multi_label=True).multi_label is True
    assert FrozenClassifier(linear, multi_label=False).multi_label is False
    for model in (
        linear,
        with_head(lambda x: layers.ReLU()(layers.Dense(3)(pooled(x)))),
    ):
        with pytest.raises(
            ValueError, match="`multi_label` should be True .* Received"
        ):
            FrozenClassifier(model)
    with pytest.raises(ValueError, match="Received: 'yes'"):
        FrozenClassifier(sigmoid, multi_label="yes")


def test_levels_are_found_at_each_stride_coarse_to_fine():
    frozen = FrozenClassifier(tiny_classifier(size=128), finest_stride=2)
    assert [shape[:2] for shape in frozen.level_shapes] == [
        (16, 16),
        (32, 32),
        (64, 64),
    ]


def test_a_branch_is_not_taken_for_the_level():
    images = keras.Input((16, 16, 3))
    x = layers.Conv2D(4, 3, strides=2, padding="same")(images)
    x = layers.Concatenate()([layers.Conv2D(3, 1)(x), layers.Conv2D(2, 1)(x)])
    merged = layers.ReLU()(x)
    left = layers.Conv2D(2, 3, strides=2, padding="same")(merged)
    right = layers.MaxPooling2D()(layers.Conv2D(7, 1)(merged))
    x = pooled(layers.Concatenate()([left, right]))
    model = keras.Model(images, layers.Dense(2, activation="softmax")(x))
    assert FrozenClassifier(model, finest_stride=1).level_shapes == [
        (4, 4, 9),
        (8, 8, 5),
    ]


@pytest.mark.parametrize("channels", [1, 5])
def test_grey_and_multi_channel_input(channels):
    frozen = FrozenClassifier(tiny_classifier(channels=channels))
    assert frozen(random_images(2, 32, channels))["logits"].shape == (2, 3)


@pytest.mark.parametrize(
    "answers",
    [
        lambda x: keras.ops.squeeze(layers.Dense(1, "sigmoid")(pooled(x)), -1),
        lambda x: layers.Reshape((1, 1, 3))(layers.Dense(3, "softmax")(pooled(x))),
    ],
)
def test_the_line_that_mends_another_shape_of_scores_does(answers):
    model = with_head(answers)
    with pytest.raises(ValueError, match=r"of shape \(N, C\), as .* does\. R") as told:
        FrozenClassifier(model)
    mended = eval(str(told.value).split("`")[3], {"keras": keras, "model": model})
    frozen = FrozenClassifier(mended)
    images = random_images(2, 8)
    found = frozen.probabilities(frozen.logits(images))
    expected = np.reshape(model.predict(images, verbose=0), (2, -1))
    np.testing.assert_allclose(found[:, -expected.shape[1] :], expected, atol=1e-6)


def test_no_spatial_map_is_one_clear_error():
    images = keras.Input((8, 8, 3))
    x = layers.Flatten()(layers.Rescaling(1 / 255)(images))
    mlp = keras.Model(images, layers.Dense(3, activation="softmax")(x))
    with pytest.raises(ValueError, match="spatial feature map .* Received: "):
        FrozenClassifier(mlp)(random_images(1, 8))
    assert FrozenClassifier(mlp).logits(random_images(1, 8)).shape == (1, 3)
    with pytest.raises(ValueError, match="spatial feature map|take images"):
        FrozenClassifier(keras.Sequential([keras.Input((4,)), layers.Dense(2)]))
    segmenter = with_head(lambda x: layers.Softmax()(layers.Conv2D(3, 1)(x)))
    with pytest.raises(ValueError, match=r"scores of shape \(N, C\)"):
        FrozenClassifier(segmenter)


def test_nothing_is_trainable_and_flags_stay():
    model = tiny_classifier()
    model.layers[1].trainable = False
    before = snapshot(model)
    frozen = FrozenClassifier(model)
    assert frozen.trainable_variables == []
    assert len(frozen.non_trainable_weights) == len(model.weights)
    assert_unchanged(model, before)


def exact_log_odds(logits):
    """z_c less the logarithm of the sum of the others' exponentials, one by one."""
    odds = np.empty(np.shape(logits))
    for index in np.ndindex(odds.shape):
        row = np.asarray(logits[index[:-1]], "float64")
        others = np.delete(row, index[-1])
        most = others.max()
        odds[index] = row[index[-1]] - most - np.log(np.exp(others - most).sum())
    return odds


def sure_logits(classes, gap, dtype="float32"):
    """Rows with a class that leads by a gap; in the last one all classes are equal."""
    logits = np.random.default_rng(0).normal(size=(3, classes)).astype(dtype)
    logits[-1] = 0.0
    logits[:, 1] = logits.max(axis=1) + gap
    return logits


GAPS = (0, 16, 50, 100, 1000)


@pytest.mark.parametrize("gap", GAPS)
@pytest.mark.parametrize("classes", [2, 3, 1000])
def test_log_odds_of_softmax_are_exact_however_sure(classes, gap):
    frozen = FrozenClassifier(tiny_classifier(classes=classes))
    logits = sure_logits(classes, gap)
    odds = np.asarray(frozen.log_odds(logits))
    np.testing.assert_allclose(odds, exact_log_odds(logits), rtol=2e-6, atol=1e-6)
    # Cells (N, h, w, C) are read alike.
    cells = np.asarray(frozen.log_odds(logits[:, None, None]))
    np.testing.assert_array_equal(cells[:, 0, 0], odds)


@pytest.mark.parametrize("gap", GAPS)
def test_the_slope_of_log_odds_is_exact_however_sure(gap):
    frozen = FrozenClassifier(tiny_classifier())
    logits = tf.constant(sure_logits(3, gap))
    with tf.GradientTape() as tape:
        tape.watch(logits)
        odds = frozen.log_odds(logits)
    slopes = np.asarray(tape.batch_jacobian(odds, logits))
    for way in np.eye(3):
        step = 1e-4 * way
        exact = np.asarray(logits, "float64")
        more, less = exact_log_odds(exact + step), exact_log_odds(exact - step)
        expected = (more - less) / 2e-4
        np.testing.assert_allclose(slopes @ way, expected, rtol=1e-4, atol=1e-5)
    # Each logit counts in full for its own class.
    np.testing.assert_allclose(slopes[:, range(3), range(3)], 1.0, rtol=1e-5)
