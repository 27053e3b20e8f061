"""What a classifier answers, whatever makes its probabilities."""

import keras
import numpy as np
import pytest
import tensorflow as tf
import trained
from conftest import random_images
from keras import layers
from keras import ops

import keras_explainer as kx
from keras_explainer.classifiers import FrozenClassifier


@keras.saving.register_keras_serializable(package="tests")
class OwnSoftmax(layers.Layer):
    def call(self, z):
        shifted = ops.exp(z - ops.max(z, axis=-1, keepdims=True))
        return shifted / ops.sum(shifted, axis=-1, keepdims=True)


@keras.saving.register_keras_serializable(package="tests")
class OwnDense(layers.Layer):
    """A layer that makes its logits and their softmax in one."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.dense = layers.Dense(3)

    def build(self, shape):
        self.dense.build(shape)

    def call(self, x):
        return ops.softmax(self.dense(x))


@keras.saving.register_keras_serializable(package="tests")
def own_sigmoid(z):
    return 1 / (1 + ops.exp(-z))


@keras.saving.register_keras_serializable(package="tests")
class Temperature(layers.Layer):
    """Calibrates probabilities; it knows its temperature only once it is loaded."""

    def build(self, shape):
        self.temperature = self.add_weight(shape=(), initializer="ones")

    def call(self, z):
        return ops.softmax(z / self.temperature)


def dense(x, units=3, activation=None):
    x = layers.GlobalAveragePooling2D()(x)
    return layers.Dense(units, activation, kernel_initializer=spread())(x)


def spread():
    return keras.initializers.RandomNormal(stddev=3.0)


def mean_of_two(x, activation="softmax", units=3):
    return layers.Average()(
        [dense(x, units, activation), dense(layers.ReLU()(-x), units, activation)]
    )


def calibrated_by_two(x):
    z = dense(x)
    layer = Temperature()
    p = layer(z)
    layer.temperature.assign(2.0)
    return p


SOFTMAX = {
    "tf.nn.softmax": lambda x: dense(x, 3, tf.nn.softmax),
    "ops.softmax": lambda x: ops.softmax(dense(x)),
    "a Lambda": lambda x: layers.Lambda(tf.nn.softmax)(dense(x)),
    "an own layer": lambda x: OwnSoftmax()(dense(x)),
    "an own layer of a layer": lambda x: OwnDense()(layers.GlobalMaxPooling2D()(x)),
    "two models' mean": mean_of_two,
    "temperature": lambda x: ops.softmax(dense(x) / 2.5),
    "a learned temperature": calibrated_by_two,
    "clipped": lambda x: ops.clip(ops.softmax(dense(x)), 1e-7, 1 - 1e-7),
    "reshaped": lambda x: layers.Reshape((3,))(
        layers.Softmax()(layers.Reshape((1, 3))(dense(x)))
    ),
    "classes put together": lambda x: layers.Dense(
        3,
        use_bias=False,
        kernel_initializer=lambda *_, **__: np.eye(3)[[0, 0, 1, 1, 2]],
    )(dense(x, 5, "softmax")),
    "half precision": lambda x: layers.Activation("softmax", dtype="float32")(
        layers.Dense(3, dtype="mixed_float16")(layers.GlobalMaxPooling2D()(x))
    ),
    "a convolution": lambda x: layers.GlobalAveragePooling2D()(
        layers.Softmax()(layers.Conv2D(3, 1, kernel_initializer=spread())(x))
    ),
}
SIGMOID = {
    "tf.nn.sigmoid": lambda x: dense(x, 3, tf.nn.sigmoid),
    "ops.sigmoid": lambda x: ops.sigmoid(dense(x)),
    "an own function": lambda x: dense(x, 3, own_sigmoid),
    "two models' mean": lambda x: mean_of_two(x, "sigmoid"),
    "half a hyperbolic tangent": lambda x: (ops.tanh(dense(x) / 2) + 1) / 2,
}
BINARY = {
    "sigmoid": lambda x: dense(x, 1, "sigmoid"),
    "tf.nn.sigmoid": lambda x: dense(x, 1, tf.nn.sigmoid),
    "two models' mean": lambda x: mean_of_two(x, "sigmoid", 1),
    "clipped": lambda x: ops.clip(ops.sigmoid(dense(x, 1)), 1e-7, 1 - 1e-7),
}


def with_head(head):
    images = keras.Input((8, 8, 3))
    x = layers.Conv2D(6, 3, strides=2, padding="same")(images)
    return keras.Model(images, head(layers.ReLU()(x)))


def both(p):
    return np.concatenate([1 - p, p], axis=1)


def pictures():
    brightness = np.linspace(-3, 3, 6, dtype="float32")[:, None, None, None]
    return random_images(6, 8) + brightness


def answers_of(heads, name):
    """Returns a classifier and what it says of the pictures, of each class."""
    classifier = with_head(globals()[heads][name])
    answers = classifier.predict(pictures(), verbose=0)
    assert np.ptp(answers, axis=0).max() > 0.1  # They have to differ.
    return classifier, both(answers) if heads == "BINARY" else answers


@pytest.mark.parametrize(
    ("heads", "name"),
    [(h, n) for h in ("SOFTMAX", "SIGMOID", "BINARY") for n in globals()[h]],
)
def test_probabilities_are_those_that_the_classifier_predicts(heads, name):
    classifier, expected = answers_of(heads, name)
    frozen = FrozenClassifier(classifier)
    assert frozen.multi_label is (heads == "SIGMOID")
    found = frozen.probabilities(frozen.logits(pictures()))
    tolerance = 2e-3 if name == "half precision" else 1e-5
    np.testing.assert_allclose(found, expected, atol=tolerance)


@pytest.mark.parametrize(
    ("heads", "name"),
    [
        ("SOFTMAX", "a learned temperature"),
        ("SOFTMAX", "tf.nn.softmax"),
        ("BINARY", "two models' mean"),
        pytest.param("SOFTMAX", "temperature", marks=pytest.mark.slow),
        pytest.param("SOFTMAX", "an own layer of a layer", marks=pytest.mark.slow),
        pytest.param("SIGMOID", "two models' mean", marks=pytest.mark.slow),
    ],
)
def test_scores_and_masks_stay_the_same_when_an_explainer_is_loaded(
    heads, name, tmp_path
):
    classifier, expected = answers_of(heads, name)
    explainer = kx.ExplainerModel(classifier)
    explainer.save(tmp_path / "explainer.keras")
    loaded = keras.saving.load_model(tmp_path / "explainer.keras")
    for each in (explainer, loaded):
        found = each(pictures())["probabilities"]
        np.testing.assert_allclose(found, expected, atol=1e-5)
    np.testing.assert_allclose(
        loaded(pictures())["coarse_masks"],
        explainer(pictures())["coarse_masks"],
        atol=1e-5,
    )
    assert loaded.frozen.head.get_config() == explainer.frozen.head.get_config()


@pytest.mark.parametrize(
    "name", ["tf.nn.softmax", "ops.softmax", "a Lambda", "temperature", "clipped"]
)
def test_logits_before_a_softmax_are_found_whatever_it_is_called(name):
    head = FrozenClassifier(with_head(SOFTMAX[name])).head
    assert head.form == "logits" and (head.steps or head.fused)


def test_a_linear_head_is_not_taken_for_probabilities():
    """Though its answers add up to 1, or are in [0, 1], for images in [0, 1]."""
    linear = with_head(lambda x: dense(x, 3))
    linear.layers[-1].set_weights([np.full((6, 3), 1e-3), np.full(3, 1 / 3)])
    images = np.random.default_rng(0).uniform(0, 1, (4, 8, 8, 3)).astype("float32")
    answers = linear.predict(images, verbose=0)
    assert np.allclose(answers.sum(1), 1, atol=0.1)
    with pytest.raises(ValueError, match="`multi_label` .*a linear head"):
        FrozenClassifier(linear)
    for multi_label in (True, False):
        frozen = FrozenClassifier(linear, multi_label)
        np.testing.assert_allclose(frozen.logits(images), answers, atol=1e-6)
    dead = with_head(lambda x: layers.ReLU()(dense(x, 3) - 1e6))
    with pytest.raises(ValueError, match="`multi_label` .*an unrecognised head"):
        FrozenClassifier(dead)


@pytest.mark.parametrize("end", [ops.tanh, lambda z: ops.clip(z, -1, 1)])
def test_answers_that_happen_to_be_in_0_1_are_not_taken_for_probabilities(end):
    classifier = with_head(lambda x: end(dense(x, 1)))
    kernel = np.float32([0.9, -0.1, 0.1, -0.1, 0.1, -0.1])[:, None] / 1e3
    dominant = [np.ones((3, 3, 3, 6)) * [1, 0.1, 0.1, 0.1, 0.1, 0.1], np.ones(6)]
    classifier.layers[1].set_weights(dominant)
    classifier.get_layer(index=4).set_weights([kernel, np.zeros(1)])
    images = np.random.default_rng(0).uniform(0, 1, (8, 8, 8, 3))
    answers = classifier.predict(images, verbose=0)
    assert 0 < answers.min() and answers.max() < 1
    with pytest.raises(ValueError, match="`multi_label` .*an unrecognised head"):
        FrozenClassifier(classifier)


@pytest.mark.parametrize(
    ("head", "multi_label", "message"),
    [
        (lambda x: dense(x, 3, "softmax"), True, '"auto" or False .*softmax'),
        (lambda x: dense(x, 3, tf.nn.softmax), True, '"auto" or False .*softmax'),
        (mean_of_two, True, '"auto" or False .*softmax'),
        (lambda x: dense(x, 3, "sigmoid"), False, '"auto" or True .*sigmoid'),
        (lambda x: dense(x, 1, "softmax"), "auto", "softmax over one output"),
        (lambda x: ops.softmax(dense(x, 1)), False, "softmax over one output"),
        (lambda x: dense(x, 1), False, "True for a classifier of one output"),
        (lambda x: dense(x, 1), "auto", "one yes or no"),
        (lambda x: dense(x, 1, "tanh"), "auto", "an unrecognised head"),
        (lambda x: dense(x, 3, "softmax"), 1, "Received: 1"),
        (lambda x: 100 * dense(x, 3, "softmax"), False, r"\[0\] / 100\)` does"),
    ],
)
@pytest.mark.filterwarnings("ignore:You are using a softmax")
def test_contradictions_are_refused(head, multi_label, message):
    with pytest.raises(ValueError, match=f"{message}.*"):
        FrozenClassifier(with_head(head), multi_label)


def test_both_answers_of_a_binary_classifier():
    classifier = with_head(lambda x: dense(x, 1, "sigmoid"))
    frozen = FrozenClassifier(classifier)
    images = 3 * random_images(4, 8)
    logits = np.asarray(frozen.logits(images))
    np.testing.assert_allclose(logits[:, 0], -logits[:, 1], atol=1e-6)
    p = classifier.predict(images, verbose=0)
    np.testing.assert_allclose(
        frozen.log_odds(logits)[:, 1], np.log(p / (1 - p))[:, 0], atol=1e-3
    )
    evidence = np.asarray(frozen(images)["evidence"])
    evidence = evidence.clip(-8, 8)
    np.testing.assert_allclose(evidence[..., 0], -evidence[..., 1], atol=1e-2)
    # A half is a yes.
    classifier.layers[-1].set_weights([np.zeros((6, 1)), np.zeros(1)])
    half = np.asarray(frozen.probabilities(frozen.logits(images)))
    np.testing.assert_allclose(half, 0.5, atol=1e-6)
    assert (half.argmax(axis=1) == 1).all()


def test_a_linear_unit_is_binary_once_it_is_said(tmp_path):
    classifier = with_head(lambda x: dense(x, 1))
    images = 3 * random_images(4, 8)
    z = classifier.predict(images, verbose=0)
    explainer = kx.ExplainerModel(classifier, multi_label=True)
    explainer.save(tmp_path / "explainer.keras")
    loaded = keras.saving.load_model(tmp_path / "explainer.keras")
    for each in (explainer, loaded):
        found = each(images)["probabilities"]
        np.testing.assert_allclose(found, both(1 / (1 + np.exp(-z))), atol=1e-5)


def test_names_of_a_binary_classifier():
    def names(given):
        classifier = with_head(lambda x: dense(x, 1, "sigmoid"))
        return kx.ExplainerModel(classifier, class_names=given).display_names

    assert names(["cat", "dog"]) == ["cat", "dog"]
    assert names(["dog"]) == ["not dog", "dog"]
    assert names(None) == ["class 0", "class 1"]
    with pytest.raises(ValueError, match="2 names.*Received: 3"):
        names(["a", "b", "c"])


def test_an_explainer_of_one_answer_alone_is_refused():
    explainer = kx.ExplainerModel(with_head(lambda x: dense(x, 1, "sigmoid")))
    config = {**explainer.get_config(), "multi_label": True}  # As it was once saved.
    with pytest.raises(ValueError, match="train it again. Received: .*earlier version"):
        kx.ExplainerModel.from_config(config)


REWIRED = {
    "temperature": lambda z: ops.softmax(z / 1.5),
    "two models' mean": lambda z: layers.Average()(
        [layers.Softmax()(z), layers.Softmax()(0.5 * z)]
    ),
    "an own layer": OwnSoftmax(),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", REWIRED)
def test_maps_lie_on_the_patch_whatever_makes_the_probabilities(
    name, trained_classifier
):
    base = trained_classifier("logits")
    images, _, truth = trained.patches(6, seed=5)
    classifier = keras.Model(base.inputs, REWIRED[name](base.outputs[0]))
    maps = kx.attribution.GradCAM(classifier).explain(images)
    patch = truth.max(axis=-1)
    areas = [kx.metrics.roc_auc(t[None], m[None]) for m, t in zip(maps, patch)]
    assert np.mean(areas) > 0.9
