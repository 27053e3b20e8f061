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
    "VGG16": "block5_conv3",
}


def shown(evidence):
    """Evidence (N, h, w) as Grad-CAM shows it: its positive part, enlarged, scaled."""
    evidence = np.maximum(evidence, 0)[..., None]
    enlarged = np.asarray(keras.ops.image.resize(evidence, (32, 32), "bilinear"))[
        ..., 0
    ]
    most = enlarged.max(axis=(1, 2), keepdims=True)
    return np.divide(enlarged, most, where=most > 0, out=np.zeros_like(enlarged))


def sure_classifier(activation):
    """A classifier whose probabilities are near 0 and 1."""
    classifier = tiny_classifier(activation=activation)
    classifier.layers[-1].kernel.assign(30 * classifier.layers[-1].kernel)
    return classifier


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
        maps = GradCAM(classifier).explain(images, targets=target)
        np.testing.assert_allclose(maps, shown(features @ kernel[:, target]), atol=1e-5)


def test_of_a_flattened_map_channels_weigh_their_mean_weight():
    classifier = tiny_classifier(head="flatten")
    images = random_images(3)
    features = np.asarray(FrozenClassifier(classifier)(images)["features"][0])
    kernel = np.reshape(classifier.layers[-1].kernel, (4, 4, 8, 3)).mean(axis=(0, 1))
    for target in range(3):
        maps = GradCAM(classifier).explain(images, targets=target)
        np.testing.assert_allclose(maps, shown(features @ kernel[:, target]), atol=1e-5)


# Heads, and what they make of the logits of a last layer without activation.
HEADS = {
    "softmax": layers.Softmax(),
    "log-softmax": layers.Activation("log_softmax"),
    "sigmoid": layers.Activation("sigmoid"),
    "clipped softmax": layers.Lambda(
        lambda z: keras.ops.clip(keras.ops.softmax(z), 0, 1)
    ),
}


@pytest.mark.parametrize("name", HEADS)
def test_the_logit_is_explained_whatever_is_made_of_it(name):
    """Probabilities near 1 have no slope, and logarithms of them one of all classes."""
    linear = sure_classifier(None)
    head = HEADS[name](linear.outputs[0])
    images = random_images(2)
    for target in range(3):
        expected = GradCAM(linear, multi_label=True).explain(images, targets=target)
        found = GradCAM(keras.Model(linear.inputs, head)).explain(images, target)
        assert expected.any()
        np.testing.assert_allclose(found, expected, atol=1e-5)


def test_the_answer_no_has_the_gradient_of_yes_turned_round():
    classifier = tiny_classifier(classes=1, activation="sigmoid")
    images = random_images(3)
    features = np.asarray(FrozenClassifier(classifier)(images)["features"][0])
    evidence = features @ np.asarray(classifier.layers[-1].kernel)[:, 0]
    method = GradCAM(classifier)
    np.testing.assert_allclose(method.explain(images, 1), shown(evidence), atol=1e-5)
    np.testing.assert_allclose(method.explain(images, 0), shown(-evidence), atol=1e-5)


@pytest.mark.parametrize("pool", [layers.MaxPooling2D(2), layers.AveragePooling2D(2)])
def test_the_map_is_that_before_pooling_as_in_vgg(pool):
    """At 8x8 cells, not 4x4; dropout between pooling and flattening is nothing."""
    images = keras.Input((32, 32, 3))
    x = layers.Conv2D(6, 3, strides=4, padding="same", activation="relu", name="c")(
        images
    )
    x = layers.Flatten()(layers.Dropout(0.5)(pool(x)))
    classifier = keras.Model(images, layers.Dense(3)(x))
    method = GradCAM(classifier, multi_label=False)
    named = GradCAM(classifier, multi_label=False, layer="c")
    assert method.start_values(random_images(1)).shape == (1, 8, 8, 6)
    np.testing.assert_array_equal(
        method.explain(random_images(2), 1), named.explain(random_images(2), 1)
    )


def test_maps_of_nested_models_are_found_and_named():
    inner = tiny_classifier(head="flatten", activation=None)
    backbone = keras.Model(inner.inputs, inner.layers[-4].output)
    images = keras.Input((32, 32, 3))
    x = layers.GlobalAveragePooling2D()(backbone(images))
    nested = keras.Model(images, layers.Dense(3, activation="softmax")(x))
    x = layers.GlobalAveragePooling2D()(backbone.outputs[0])
    flat = keras.Model(backbone.inputs, nested.layers[-1](x))
    pictures, layer = random_images(2), backbone.layers[-4].name
    for options in ({}, {"layer": layer}):
        np.testing.assert_allclose(
            GradCAM(nested, **options).explain(pictures, 0),
            GradCAM(flat, **options).explain(pictures, 0),
            atol=1e-6,
        )
    assert GradCAM(nested, layer=layer).start_values(pictures).shape == (2, 8, 8, 6)


def test_of_several_levels_the_map_is_where_they_part_and_each_can_be_named():
    """A feature pyramid: both levels are pooled, and the logits are linear in both."""
    images = keras.Input((32, 32, 3))
    stem = layers.Conv2D(4, 3, 2, "same", activation="relu", name="stem")(images)
    deep = layers.Conv2D(6, 3, 2, "same", activation="relu", name="deep")(stem)
    lateral = layers.Conv2D(6, 1, activation="relu", name="lateral")(stem)
    merged = layers.Add()([lateral, layers.UpSampling2D(2)(deep)])
    fine = layers.Conv2D(6, 3, padding="same", activation="relu", name="fine")(merged)
    pooled = [layers.GlobalAveragePooling2D()(level) for level in (deep, fine)]
    dense = layers.Dense(3)
    classifier = keras.Model(images, dense(layers.Concatenate()(pooled)))
    pictures, kernel = random_images(2), np.asarray(dense.kernel)

    def explained(target, **options):
        return GradCAM(classifier, False, **options).explain(pictures, target)

    np.testing.assert_array_equal(explained(0), explained(0, layer="stem"))
    level = keras.Model(images, fine)(pictures).numpy()
    for target in range(3):
        np.testing.assert_allclose(
            explained(target, layer="fine"),
            shown(level @ kernel[6:, target]),
            atol=1e-5,
        )
    # The deeper level is enlarged into the finer one too, so its gradient is of both.
    beside, pixels = keras.Model(images, [lateral, deep])(pictures)
    pixels = tf.constant(pixels)
    with tf.GradientTape() as tape:
        tape.watch(pixels)
        merged = beside + tf.repeat(tf.repeat(pixels, 2, axis=1), 2, axis=2)
        both = [pixels, classifier.get_layer("fine")(merged)]
        logit = dense(tf.concat([tf.reduce_mean(x, (1, 2)) for x in both], -1))[:, 1]
    weights = tf.reduce_mean(tape.gradient(logit, pixels), (1, 2), keepdims=True)
    evidence = tf.reduce_sum(weights * pixels, -1).numpy()
    np.testing.assert_allclose(explained(1, layer="deep"), shown(evidence), atol=1e-5)


def test_a_branch_of_two_networks_side_by_side_can_be_named():
    first, second = tiny_classifier(name="one"), tiny_classifier(name="two")
    images = keras.Input((32, 32, 3))
    mean = layers.Average()([first(images), second(images)])
    with pytest.raises(ValueError, match="by Grad-CAM of a `layer`"):
        GradCAM(keras.Model(images, mean))
    last = [m.layers[-4].name for m in (first, second)]
    classifier, pictures = keras.Model(images, mean), random_images(1)
    for layer in last:
        assert GradCAM(classifier, layer=layer).explain(pictures, 0).shape == (
            1,
            32,
            32,
        )


@pytest.mark.parametrize("layer", ["conv_9", "dense", 3])
def test_a_layer_that_makes_no_map_is_refused(layer):
    with pytest.raises(ValueError, match="Argument `layer` should be the name of"):
        GradCAM(tiny_classifier(), layer=layer)


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
