"""Preprocessing of the application modules, recognised and inverted."""

import keras
import numpy as np
import pytest
from conftest import tiny_classifier
from keras import layers

from keras_explainer.classifiers import LayerGraph
from keras_explainer.classifiers import Preprocessing

APPLICATIONS = {
    "mobilenet": lambda: keras.applications.MobileNet(weights=None, alpha=0.25),
    "mobilenet_v2": lambda: keras.applications.MobileNetV2(weights=None, alpha=0.35),
    "identity": lambda: keras.applications.MobileNetV3Small(weights=None),
    "densenet": lambda: keras.applications.DenseNet121(weights=None),
    "resnet": lambda: keras.applications.ResNet50(weights=None),
    "resnet_v2": lambda: keras.applications.ResNet50V2(weights=None),
    "vgg16": lambda: keras.applications.VGG16(
        weights=None, include_top=False, input_shape=(32, 32, 3)
    ),
    "inception_v3": lambda: keras.applications.InceptionV3(weights=None),
    "xception": lambda: keras.applications.Xception(weights=None),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", APPLICATIONS)
def test_applications_are_recognised_even_inside_a_transfer_model(name):
    base = APPLICATIONS[name]()
    images = keras.Input((base.input_shape[1] or 64, base.input_shape[2] or 64, 3))
    base = keras.Model(base.inputs, base.layers[-2].output, name="renamed")
    output = base(images)
    if len(output.shape) == 4:
        output = layers.GlobalAveragePooling2D()(output)
    model = keras.Model(images, layers.Dense(2, activation="softmax")(output))
    preprocessing = Preprocessing("auto", LayerGraph(model))
    assert preprocessing.name == name
    raw = np.random.default_rng(0).uniform(0, 255, (2, 3, 3, 3)).astype("float32")
    ready = preprocessing(raw.copy())
    if name != "identity":
        module = getattr(keras.applications, name)
        np.testing.assert_allclose(ready, module.preprocess_input(raw.copy()))
    np.testing.assert_allclose(preprocessing.restore(ready), raw, atol=1e-2)
    mean = preprocessing(np.float32([[[[123.68, 116.779, 103.939]]]]))[0, 0, 0]
    np.testing.assert_allclose(preprocessing.background, mean, atol=1e-2)


def test_input_ranges():
    graph = LayerGraph(tiny_classifier())
    for name, low, high in (("mobilenet", -1, 1), ("identity", 0, 255)):
        assert Preprocessing(name, graph).input_range == pytest.approx((low, high))
    low, high = Preprocessing("resnet", graph).input_range
    assert (low, high) == pytest.approx((-123.68, 151.061), abs=0.01)


def test_an_unknown_classifier_says_what_to_pass_only_when_asked():
    preprocessing = Preprocessing("auto", LayerGraph(tiny_classifier()))
    assert preprocessing.background is None and preprocessing.input_range is None
    with pytest.raises(
        ValueError, match="`preprocess_input` should be .*Received: 'auto'"
    ):
        preprocessing(np.zeros((1, 2, 2, 3)))
    # Without it pictures are stretched for display.
    shown = preprocessing.restore(np.float32([[[[-1, 0, 1]]]]))
    np.testing.assert_allclose(shown, [[[[0, 127.5, 255]]]])


def test_arrays_are_left_alone():
    images = np.full((1, 2, 2, 3), 51, "float32")
    ready = Preprocessing("mobilenet", LayerGraph(tiny_classifier()))(images)
    np.testing.assert_allclose(ready, -0.6, rtol=1e-5)
    np.testing.assert_array_equal(images, 51)


def test_functions_of_applications_are_kept_by_name():
    graph = LayerGraph(tiny_classifier())
    for module in ("mobilenet_v2", "resnet", "vgg16", "convnext"):
        function = getattr(keras.applications, module).preprocess_input
        preprocessing = Preprocessing(function, graph)
        assert preprocessing.config == preprocessing.name == module
        assert preprocessing.function is function
    # The same function under two names.
    function = keras.applications.resnet50.preprocess_input
    assert Preprocessing(function, graph).config == "resnet"


def test_callables_and_names_are_checked():
    graph = LayerGraph(tiny_classifier())
    custom = Preprocessing(lambda x: x / 100.0, graph)
    np.testing.assert_allclose(custom(np.full((1, 1, 1, 3), 50.0)), 0.5)
    np.testing.assert_allclose(
        custom.restore(np.full((1, 1, 1, 3), 0.5)), 50, rtol=1e-4
    )
    for wrong in ("mobilenets", 3, None):
        with pytest.raises(ValueError, match="`preprocess_input` .*Received: "):
            Preprocessing(wrong, graph)


def test_a_not_affine_preprocessing_is_not_inverted():
    squared = Preprocessing(lambda x: (x / 255.0) ** 2, LayerGraph(tiny_classifier()))
    assert squared.background is None and squared.input_range is None
