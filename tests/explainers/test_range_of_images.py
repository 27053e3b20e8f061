"""The range of images where no layer tells it: assumed, measured, set, or warned of."""

import contextlib
import warnings

import keras
import numpy as np
import pytest
import tensorflow as tf
from conftest import random_images
from keras import layers

import keras_explainer as kx
from keras_explainer.classifiers.imagenet_classes import IMAGENET_CLASSES

pytestmark = pytest.mark.usefixtures("eager")
UNIT = (random_images(8, size=16) + 1) / 2


@contextlib.contextmanager
def no_warnings():
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)
        warnings.filterwarnings("ignore", "Even though the .*functions_eagerly")
        # Of classes that such a network sees in an empty picture.
        warnings.filterwarnings("ignore", "Argument `background` should be a colour")
        yield


def network(layer=None, front=lambda x: x, classes=3, scale=1.0, head="head"):
    images = keras.Input((16, 16, 3))
    x = layers.Conv2D(4, 3, strides=2, name=layer)(front(images))
    x = layers.GlobalAveragePooling2D()(layers.ReLU()(x))
    kernel = keras.initializers.RandomNormal(stddev=scale, seed=0)
    x = layers.Dense(classes, "softmax", kernel_initializer=kernel, name=head)(x)
    return keras.Model(images, x)


@pytest.mark.slow
def test_images_in_0_1_correct_what_a_layers_name_suggests(tmp_path):
    explainer = kx.ExplainerModel(network("block5_conv3"))
    low, high = explainer.preprocessing.input_range
    assert explainer.preprocessing.name == "vgg16" and low < -100 < 100 < high
    with pytest.warns(UserWarning, match="taken for what .* `vgg16`;"):
        explainer.fit(UNIT, verbose=0)
    assert explainer.preprocess_input == "0..1"
    assert explainer.preprocessing.input_range == pytest.approx((0, 1))
    mean = np.array([123.68, 116.779, 103.939]) / 255
    np.testing.assert_allclose(explainer.background.color, mean, atol=1e-4)
    explainer.save(tmp_path / "e.keras")
    loaded = keras.saving.load_model(tmp_path / "e.keras")
    assert loaded.preprocess_input == "0..1"
    np.testing.assert_allclose(loaded.background.color, mean, atol=1e-4)
    with no_warnings():
        loaded.fit(UNIT, verbose=0)


@pytest.mark.parametrize(
    "scale, offset, name",
    [(1, 0, "0..1"), (2, -1, "-1..1"), (255, 0, "identity"), (3, 1, None)],
)
def test_an_unknown_range_is_measured(scale, offset, name):
    explainer = kx.ExplainerModel(network())
    assert explainer.preprocessing.name is None
    images = tf.data.Dataset.from_tensor_slices(scale * UNIT + offset).batch(8)
    explainer.fit(images, verbose=0)
    assert explainer.preprocessing.name == name
    np.testing.assert_allclose(
        explainer.background.color,
        (scale * UNIT + offset).mean(axis=(0, 1, 2)),
        rtol=1e-4,
    )


def test_what_cannot_be_read_is_said_and_measured():
    front = layers.Lambda(tf.image.per_image_standardization, name="mine")
    explainer = kx.ExplainerModel(network("block5_conv3", front))
    with pytest.raises(ValueError, match="what 'mine' does to pixels cannot be read"):
        explainer.preprocessing(UNIT)
    with pytest.warns(UserWarning, match="what 'mine' does to pixels cannot be read"):
        explainer.fit(UNIT, verbose=0)
    assert explainer.preprocessing.name == "0..1"


def test_a_preprocessing_set_after_training_works(tmp_path):
    explainer = kx.ExplainerModel(network())
    explainer.fit(3 * UNIT + 1, verbose=0)
    color = np.array(explainer.background.color)
    with pytest.raises(ValueError, match="`preprocess_input` should be"):
        explainer.preprocessing(UNIT)
    explainer.preprocess_input = keras.layers.Rescaling(3 / 255, 1.0)
    np.testing.assert_allclose(explainer.preprocessing(255 * UNIT), 3 * UNIT + 1, 1e-5)
    assert explainer.preprocessing.input_range == pytest.approx((1, 4))
    np.testing.assert_array_equal(explainer.background.color, color)
    explainer.save(tmp_path / "e.keras")
    loaded = keras.saving.load_model(tmp_path / "e.keras")
    np.testing.assert_allclose(loaded.preprocessing(255 * UNIT), 3 * UNIT + 1, 1e-5)
    images = 3 * UNIT[:2] + 1
    np.testing.assert_allclose(
        loaded.explain(images).masks, explainer.explain(images).masks, atol=1e-5
    )


@pytest.mark.slow
def test_answers_that_saturate_on_raw_pixels_are_noticed():
    classifier = network(scale=10.0)
    explainer = kx.ExplainerModel(classifier, preprocess_input="identity")
    with pytest.warns(UserWarning, match=r"on images from 0 to 1 \(`preprocess_input"):
        explainer.fit(255 * UNIT, verbose=0)
    for kind, images in (("0..1", UNIT), ("identity", 255 * UNIT)):
        front = layers.Rescaling(1 / 255) if kind == "identity" else lambda x: x
        explainer = kx.ExplainerModel(network(front=front, scale=10.0))
        with no_warnings():
            explainer.fit(images, verbose=0)


@pytest.mark.slow
@pytest.mark.parametrize(
    "trained_on, assumed",
    [("0..1", "identity"), ("identity", "0..1"), ("0..1", "mobilenet")],
)
def test_batch_statistics_tell_of_another_range(trained_on, assumed):
    pictures = np.random.default_rng(0).normal(90, 60, (16, 4, 4, 3)).clip(0, 255)
    raw = pictures.repeat(4, 1).repeat(4, 2).astype("float32")
    images = keras.Input((16, 16, 3))
    x = layers.Conv2D(8, 3, name="conv_dw_13")(images)
    normalization = layers.BatchNormalization(momentum=0.0, name="bn")
    x = layers.GlobalAveragePooling2D()(layers.ReLU()(normalization(x)))
    classifier = keras.Model(images, layers.Dense(3, "softmax")(x))
    right = kx.ExplainerModel(classifier, preprocess_input=trained_on)
    classifier(right.preprocessing(raw), training=True)
    with no_warnings():
        right.fit(right.preprocessing(raw), verbose=0)
    wrong = kx.ExplainerModel(classifier, preprocess_input=assumed)
    told = f"probably be '{trained_on}': the statistics of 'bn' .*'{assumed}'"
    with pytest.warns(UserWarning, match=told):
        wrong.fit(wrong.preprocessing(raw), verbose=0)


def test_images_for_a_front_are_raw_pixels():
    explainer = kx.ExplainerModel(
        network("conv_dw_13", keras.applications.mobilenet.preprocess_input)
    )
    with pytest.warns(UserWarning, match="raw pixels from 0 to 255, which this class"):
        explainer.explain(2 * UNIT - 1)
    with no_warnings():
        explainer = kx.ExplainerModel(explainer.classifier)
        explainer.explain((255 * UNIT).astype("uint8"))


@pytest.mark.slow
def test_images_from_0_where_they_should_be_from_minus_1_are_warned_of():
    inverted = kx.ExplainerModel(network(front=lambda x: 1 - x))
    assert inverted.preprocessing.name == "-1..1"
    said = kx.ExplainerModel(network(), preprocess_input="mobilenet_v2")
    for explainer in (inverted, said):
        with pytest.warns(UserWarning, match=r'\[-1, 1\].*such as `.*"0..1"'):
            explainer.explain(UNIT)
    with no_warnings():
        said = kx.ExplainerModel(network(), preprocess_input="mobilenet_v2")
        said.explain(2 * UNIT - 1)
        kx.ExplainerModel(inverted.classifier, preprocess_input="0..1").explain(UNIT)


def test_trained_applications_have_the_names_of_imagenet():
    assert len(IMAGENET_CLASSES) == 1000
    named = {0: "tench", 207: "golden_retriever", 281: "tabby", 999: "toilet_tissue"}
    assert {index: IMAGENET_CLASSES[index] for index in named} == named
    classifier = network(classes=1000, head="predictions")
    assert kx.ExplainerModel(classifier).class_names is None  # Never trained.
    classifier.layers[-1].bias.assign(np.linspace(-1, 1, 1000))
    assert kx.ExplainerModel(classifier).class_names[281] == "tabby"
    own = kx.ExplainerModel(classifier, class_names=[f"c{i}" for i in range(1000)])
    assert own.class_names[281] == "c281"
    other = network(classes=1000)
    other.layers[-1].bias.assign(np.linspace(-1, 1, 1000))
    assert kx.ExplainerModel(other).class_names is None
