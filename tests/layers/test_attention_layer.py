"""Known weights and selections, the start, ties in every precision."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_explainer.layers import BoundedLogitAttention
from keras_explainer.layers.cell_selection import drawn_cells
from keras_explainer.layers.cell_selection import largest_cells

LOGITS = np.float32([[[0, -2], [0, -40]], [[-1, -3], [-1, -2]]])


def softmax(values):
    odds = np.exp(values - values.max())
    return odds / odds.sum()


@pytest.mark.parametrize("temperature", [10.0, 0.5])
def test_weights_are_the_softmax_of_logits_over_the_temperature(temperature):
    layer = BoundedLogitAttention("bla", temperature=temperature)
    expected = np.stack([softmax(one / temperature) for one in LOGITS])
    np.testing.assert_allclose(layer.weights_of(LOGITS), expected, atol=1e-6)


def test_the_threshold_is_a_multiple_of_the_uniform_weight():
    layer = BoundedLogitAttention("bla-t", temperature=0.01, threshold=0.98)
    # Two cells share everything: 1 / 2 - 0.98 / 4 each.
    weights = np.asarray(layer.weights_of(LOGITS[:1]))
    np.testing.assert_allclose(weights, [[[0.255, 0], [0.255, 0]]], atol=1e-6)


def test_the_selection_is_what_ties_for_the_largest():
    selection = BoundedLogitAttention().selection(LOGITS)
    np.testing.assert_array_equal(selection, [[[1, 0], [1, 0]], [[1, 0], [1, 0]]])
    layer = BoundedLogitAttention("l2x-f", selected=1)
    assert np.asarray(layer.selection(LOGITS)).sum(axis=(1, 2)).tolist() == [1, 1]


def test_a_number_of_cells_is_drawn_and_the_largest_are_taken():
    logits = tf.constant(LOGITS)
    hard = drawn_cells(logits, 2, temperature=0.01, seed=[0, 1])
    np.testing.assert_array_equal(hard, drawn_cells(logits, 2, 0.01, seed=[0, 1]))
    assert np.all(np.asarray(hard).sum(axis=(1, 2)) <= 2 + 1e-5)
    many = tf.tile(logits[1:], (4000, 1, 1))
    first = np.asarray(drawn_cells(many, 1, temperature=0.01, seed=[2, 3]))
    np.testing.assert_allclose(first.mean(axis=0), softmax(LOGITS[1]), atol=0.03)
    np.testing.assert_array_equal(
        largest_cells(logits, 3), [[[1, 1], [1, 0]], [[1, 0], [1, 1]]]
    )
    np.testing.assert_array_equal(largest_cells(logits, 9), np.ones((2, 2, 2)))


@pytest.mark.parametrize("scale", [0.01, 1.0, 30.0])
@pytest.mark.parametrize("variant", ["bla", "bla-t"])
def test_the_start_is_nearly_average_pooling_without_ties(variant, scale):
    random = np.random.default_rng(0)
    features = scale * random.uniform(size=(8, 7, 7, 64)).astype("float32")
    layer = BoundedLogitAttention(variant, threshold=0.5)
    layer.build(features.shape)
    logits = np.asarray(layer.logits(features))
    assert logits.max() < 0
    assert np.all(np.asarray(layer.selection(logits)).sum(axis=(1, 2)) == 1)
    pooled = np.asarray(layer(features, training=True))
    share = {"bla": 1.0, "bla-t": 0.5}[variant]
    mean = share * features.mean(axis=(1, 2))
    np.testing.assert_allclose(pooled, mean, rtol=0.02, atol=1e-4)


@pytest.mark.parametrize("leak", [0.0, 0.01])
def test_cells_that_all_tie_learn_again_only_with_a_leak(leak):
    features = np.random.default_rng(0).uniform(size=(4, 3, 3, 5)).astype("float32")
    layer = BoundedLogitAttention("bla", leak=leak)
    layer.build(features.shape)
    layer.score.bias.assign([5.0])  # Every cell is far beyond the bound.
    with tf.GradientTape() as tape:
        logits = layer.logits(features)
        value = tf.reduce_sum(layer(features, training=True)[:, 0])
    np.testing.assert_array_equal(logits, np.zeros((4, 3, 3)))
    gradient = tape.gradient(value, layer.score.kernel.value)
    assert bool(np.any(np.asarray(gradient) != 0)) == bool(leak)


def test_the_gradient_is_that_of_the_bound_elsewhere():
    features = np.random.default_rng(0).normal(size=(2, 3, 3, 5)).astype("float32")
    layer = BoundedLogitAttention("bla", temperature=1.0, leak=0.0)
    layer.build(features.shape)
    kernel = layer.score.kernel
    kernel.assign(np.random.default_rng(1).normal(size=kernel.shape))

    def value():
        return tf.reduce_sum(layer(features, training=True) ** 2)

    with tf.GradientTape() as tape:
        loss = value()
    gradient = np.asarray(tape.gradient(loss, kernel.value)).ravel()
    start = np.array(kernel)
    for i in range(5):
        step = np.zeros(start.shape, "float32")
        step.flat[i] = 1e-2
        kernel.assign(start + step)
        above = float(value())
        kernel.assign(start - step)
        below = float(value())
        assert gradient[i] == pytest.approx((above - below) / 2e-2, rel=0.05, abs=0.05)


@pytest.mark.parametrize("policy", ["mixed_float16", "mixed_bfloat16"])
def test_half_precision_makes_no_other_ties(policy):
    random = np.random.default_rng(0)
    features = random.uniform(0, 8, (16, 7, 7, 32)).astype("float16")
    selections = []
    for name in ("float32", policy):
        keras.config.set_dtype_policy(name)
        try:
            layer = BoundedLogitAttention("bla")
            layer.build(features.shape)
            weights = np.random.default_rng(1).normal(size=32) / 100
            layer.score.set_weights([weights.reshape(1, 1, 32, 1), np.float32([-4])])
            selections.append(np.asarray(layer.selection(layer.logits(features))))
            assert layer(features).dtype == "float32"
        finally:
            keras.config.set_dtype_policy("float32")
    np.testing.assert_array_equal(*selections)
    assert np.all(selections[0].sum(axis=(1, 2)) == 1)


def test_inference_takes_the_mean_of_the_selection_alone():
    features = np.random.default_rng(0).normal(size=(3, 4, 4, 6)).astype("float32")
    layer = BoundedLogitAttention("bla")
    layer.build(features.shape)
    layer.score.bias.assign([0.0])
    chosen = np.asarray(layer.selection(layer.logits(features))) > 0
    assert 1 < chosen[0].sum() < 16
    expected = [one[where].mean(axis=0) for one, where in zip(features, chosen)]
    np.testing.assert_allclose(layer(features), expected, atol=1e-5)
    soft = BoundedLogitAttention("bla", hard=False)
    soft.build(features.shape)
    soft.set_weights(layer.get_weights())
    np.testing.assert_allclose(
        soft(features), layer(features, training=True), atol=1e-6
    )


def test_a_head_of_ones_own_trains_and_reloads(tmp_path):
    features = np.random.default_rng(0).normal(size=(16, 4, 4, 6)).astype("float32")
    inputs = keras.Input((4, 4, 6))
    x = BoundedLogitAttention("bla-t", temperature=5.0)(inputs)
    model = keras.Model(inputs, keras.layers.Dense(2, activation="softmax")(x))
    model.compile("adam", "sparse_categorical_crossentropy")
    model.fit(features, np.arange(16) % 2, verbose=0)
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    assert loaded.layers[1].temperature == 5.0
    np.testing.assert_array_equal(
        loaded.predict(features, verbose=0), model.predict(features, verbose=0)
    )


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"variant": "blah"}, "`variant` .*Received: 'blah'"),
        ({"temperature": 0}, "`temperature` .*Received: 0"),
        ({"threshold": 1.0}, "`threshold` .*Received: threshold=1.0"),
        ({"selected": 0}, "`selected` .*Received: 0"),
    ],
)
def test_bad_arguments_are_named(arguments, message):
    with pytest.raises(ValueError, match=message):
        BoundedLogitAttention(**arguments)
