"""Grad-CAM against its closed form."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from conftest import calibrated
from conftest import random_images
from conftest import tiny_classifier
from keras import layers
from tf_keras_vis.gradcam import Gradcam
from tf_keras_vis.utils.scores import CategoricalScore

from keras_explainer.attribution import GradCAM
from keras_explainer.classifiers import FrozenClassifier

pytestmark = pytest.mark.usefixtures("eager")

# The final feature map of three architectures.
FINAL_LAYERS = {
    "MobileNet": "conv_pw_13_relu",
    "ResNet50": "conv5_block3_out",
    "VGG16": "block5_pool",
}


@pytest.mark.slow
@pytest.mark.parametrize("name", FINAL_LAYERS)
@pytest.mark.filterwarnings("ignore:.*constant map")
def test_agrees_with_tf_keras_vis_which_is_told_the_layer(name):
    application = getattr(keras.applications, name)
    classifier = calibrated(
        application(
            weights=None,
            input_shape=(64, 64, 3),
            classes=4,
            classifier_activation=None,
        )
    )
    images = random_images(2, size=64)
    independent = Gradcam(classifier, clone=False)
    method = GradCAM(classifier, multi_label=False)
    nonempty = 0
    for target in range(4):
        # Its enlargement and scaling are its own, hence ours.
        evidence = independent(
            CategoricalScore([target] * 2),
            images,
            penultimate_layer=FINAL_LAYERS[name],
            seek_penultimate_conv_layer=False,
            expand_cam=False,
            normalize_cam=False,
        )
        enlarged = np.asarray(tf.image.resize(evidence[..., None], (64, 64)))[..., 0]
        most = enlarged.max(axis=(1, 2), keepdims=True)
        nonempty += np.count_nonzero(most)
        expected = enlarged / np.where(most > 0, most, 1)
        found = method.explain(images, targets=target)
        np.testing.assert_allclose(found, expected, atol=1e-4)
    assert nonempty >= 2


@pytest.mark.parametrize("activation", ["softmax", "sigmoid"])
def test_with_pooling_and_dense_it_is_the_class_activation_map(activation):
    classifier = tiny_classifier(activation=activation)
    images = random_images(3)
    features = np.asarray(FrozenClassifier(classifier)(images)["features"][0])
    kernel = np.asarray(classifier.layers[-1].kernel)
    for target in range(3):
        evidence = np.maximum(features @ kernel[:, target], 0)
        enlarged = np.asarray(
            keras.ops.image.resize(evidence[..., None], (32, 32), "bilinear")
        )[..., 0]
        most = enlarged.max(axis=(1, 2), keepdims=True)
        expected = np.divide(
            enlarged, most, where=most > 0, out=np.zeros_like(enlarged)
        )
        maps = GradCAM(classifier).explain(images, targets=target)
        np.testing.assert_allclose(maps, expected, atol=1e-5)


def test_a_patch_classifier_is_explained_by_its_patch():
    """The logit is the mean of one channel of 4x4 patches: only bright ones count."""
    images = keras.Input((16, 16, 1))
    x = layers.AveragePooling2D(4)(
        layers.Conv2D(1, 1, use_bias=False, name="c")(images)
    )
    logit = layers.Dense(1, activation="sigmoid", name="d")(
        layers.GlobalAveragePooling2D()(x)
    )
    classifier = keras.Model(images, logit)
    classifier.get_layer("c").set_weights([np.ones((1, 1, 1, 1))])
    classifier.get_layer("d").set_weights([np.ones((1, 1)), np.zeros(1)])
    image = np.zeros((1, 16, 16, 1), "float32")
    image[:, 4:8, 8:12] = 3
    result = GradCAM(classifier).explain(image, targets=1)[0]
    inside = np.zeros((16, 16), bool)
    inside[4:8, 8:12] = True
    assert result.max() == 1 and result[inside].min() > 0.3
    assert not result[12:].any() and not result[:, :4].any()


def test_targets_are_those_of_explain():
    classifier, images = tiny_classifier(), random_images(4)
    method = GradCAM(classifier)
    each = np.stack([method.explain(images, targets=c) for c in range(3)], axis=-1)
    rows = np.array([[1, 0, 1], [0, 0, 0], [0, 1, 0], [1, 1, 1]])
    merged = method.explain(images, targets=rows, batch_size=3)
    np.testing.assert_allclose(merged, (each * rows[:, None, None]).max(-1), atol=1e-6)
    predicted = classifier.predict(images, verbose=0).argmax(axis=1)
    np.testing.assert_allclose(
        method.explain(images), method.explain(images, targets=predicted), atol=1e-6
    )
    with pytest.raises(ValueError, match="0 to 2. Received: 5"):
        method.explain(images, targets=5)
