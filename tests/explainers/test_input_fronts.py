"""Whatever stands between pixels and the network: every route answers as `predict`."""

import json
import types

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers
from PIL import Image

import keras_explainer as kx
from keras_explainer.__main__ import main

applications = keras.applications
SIZE = 16
# Layers by whose names a network is taken for one of the applications.
MOBILENET, VGG = "conv_dw_13", "block5_conv3"
COLORS = np.array([[220, 60, 20], [30, 90, 210], [120, 200, 90]])[:, None, None]
NOISE = np.random.default_rng(0).integers(-20, 36, (3, SIZE, SIZE, 3))
PIXELS = (COLORS + NOISE).astype("uint8")
RAW = PIXELS.astype("float32")


def adapted(images):
    layer = layers.Normalization()
    layer.adapt(images)
    return layer


@keras.saving.register_keras_serializable("test_input_fronts")
def darkened(images):
    return (images / 255.0) ** 2


@keras.saving.register_keras_serializable("test_input_fronts")
class Preprocessor(keras.layers.Layer):
    """Scales as the preprocessors of KerasHub do, on NumPy arrays and tensors."""

    def call(self, images):
        return images / 127.5 - 1.0


@keras.saving.register_keras_serializable("test_input_fronts")
class HubClassifier(keras.Model):
    """`predict` preprocesses, as that of KerasHub does, and `call` does not."""

    def __init__(self, inputs, outputs, preprocessor=None, **kwargs):
        super().__init__(inputs, outputs, **kwargs)
        self.preprocessor = preprocessor

    def predict(self, x, **kwargs):
        return super().predict(self.preprocessor(x), **kwargs)

    def get_config(self):
        plain = keras.Model(self.inputs, self.outputs[0])
        return {
            "model": keras.saving.serialize_keras_object(plain),
            "preprocessor": keras.saving.serialize_keras_object(self.preprocessor),
        }

    @classmethod
    def from_config(cls, config, custom_objects=None):
        model, preprocessor = map(
            keras.saving.deserialize_keras_object, config.values()
        )
        return cls(model.inputs, model.outputs[0], preprocessor=preprocessor)


def network(front, layer=None, kind=keras.Model, **options):
    """A tiny classifier behind a front, its statistics those of the pictures."""
    images = keras.Input((SIZE, SIZE, 3))
    x = front(images)
    x = layers.Conv2D(6, 3, strides=2, padding="same", use_bias=False, name=layer)(x)
    x = layers.ReLU()(layers.BatchNormalization()(x))
    x = layers.Conv2D(8, 3, padding="same", activation="relu")(x)
    x = layers.GlobalAveragePooling2D()(x)
    # Large weights, so that images in a wrong range are answered differently.
    kernel = keras.initializers.RandomNormal(stddev=2.0, seed=1)
    x = layers.Dense(3, activation="softmax", kernel_initializer=kernel)(x)
    return kind(images, x, **options)


def plain(images):
    return images


def augmented_and_rescaled(images):
    images = layers.RandomFlip()(layers.RandomRotation(0.2)(images))
    return layers.Rescaling(1 / 255)(images)


def exchanged_by_hand(images):
    blue, green, red = (images[..., i : i + 1] for i in (2, 1, 0))
    return layers.Concatenate()([blue, green, red]) / 127.5 - 1.0


def transposed(images):
    return layers.Rescaling(1 / 255)(layers.Permute((2, 1, 3))(images))


# Front, layer name, and what turns pixels into what `predict` takes.
FRONTS = {
    "rescaling": (layers.Rescaling(1 / 127.5, -1), MOBILENET, plain),
    "rescaling of [0, 1]": (layers.Rescaling(2.0, -1.0), MOBILENET, lambda x: x / 255),
    "normalization of pixels": (adapted(RAW), VGG, plain),
    "normalization of [0, 1]": (adapted(RAW / 255), VGG, lambda x: x / 255),
    "mobilenet's ops": (applications.mobilenet.preprocess_input, MOBILENET, plain),
    "vgg's ops": (applications.vgg16.preprocess_input, VGG, plain),
    "densenet's ops": (applications.densenet.preprocess_input, None, plain),
    "lambda": (layers.Lambda(darkened), MOBILENET, plain),
    "augmentation": (augmented_and_rescaled, MOBILENET, plain),
    "channels by hand": (exchanged_by_hand, VGG, plain),
    "permutation": (transposed, VGG, plain),
    "resizing": (
        lambda x: layers.Rescaling(1 / 255)(layers.Resizing(24, 24)(x)),
        None,
        plain,
    ),
    "none": (plain, MOBILENET, applications.mobilenet.preprocess_input),
    "preprocessor": (plain, None, plain),
}
QUICK = ("mobilenet's ops", "normalization of [0, 1]", "preprocessor")


def fronts(marks):
    """Parametrizes by the fronts, of which all but the quick ones are marked."""
    cases = [
        pytest.param(name, marks=() if name in QUICK else marks) for name in FRONTS
    ]
    return pytest.mark.parametrize("case", cases, indirect=True)


@pytest.fixture(scope="module")
def case(request, tmp_path_factory):
    """A classifier, its explainer, and what `predict` says of the pictures."""
    keras.utils.set_random_seed(0)
    front, layer, to_input = FRONTS[request.param]
    if request.param == "preprocessor":
        classifier = network(
            front, layer, HubClassifier, preprocessor=Preprocessor(name="scaled")
        )
    else:
        classifier = network(front, layer)
    images = to_input(RAW.copy())
    momentum(classifier, Preprocessor()(RAW) if "pre" in request.param else images)
    folder = tmp_path_factory.mktemp("fronts")
    explainer = kx.ExplainerModel(classifier, upsampling="bilinear")
    explainer.save(folder / "explainer.keras")
    (folder / "pictures").mkdir()
    for number, picture in enumerate(PIXELS):
        Image.fromarray(picture).save(folder / "pictures" / f"{number}.png")
    expected = classifier.predict(images, verbose=0)
    # Otherwise routes that preprocess twice might pass.
    assert np.ptp(expected, axis=0).max() > 0.05
    return types.SimpleNamespace(
        explainer=explainer, images=images, expected=expected, folder=folder
    )


def momentum(classifier, images):
    """Makes the batch statistics those of images."""
    for layer in classifier.layers:
        if isinstance(layer, layers.BatchNormalization):
            layer.momentum = 0.0
    classifier(images, training=True)


def assert_same(probabilities, case):
    np.testing.assert_allclose(probabilities, case.expected, atol=1e-4)


@pytest.mark.slow
@pytest.mark.usefixtures("eager")
@fronts(pytest.mark.slow)
def test_python(case):
    explainer = case.explainer
    assert_same(explainer.explain(case.images).probabilities, case)
    assert_same(explainer.explain(explainer.preprocessing(RAW)).probabilities, case)
    np.testing.assert_allclose(
        explainer.preprocessing.restore(explainer.preprocessing(RAW)), RAW, atol=0.01
    )


@pytest.mark.usefixtures("eager")
@fronts(pytest.mark.slow)
def test_saved_and_reloaded(case):
    loaded = keras.saving.load_model(case.folder / "explainer.keras")
    assert_same(loaded.explain(loaded.preprocessing(RAW)).probabilities, case)


# The command line, the server and bulk take what a file says, which is shown above.
@pytest.mark.slow
@pytest.mark.usefixtures("eager")
@fronts(pytest.mark.thorough)
def test_command_line(case):
    argv = ["explain", str(case.folder / "pictures"), "--top-k", "3"]
    argv += ["--explainer", str(case.folder / "explainer.keras")]
    assert main([*argv, "--out", str(case.folder / "out")]) == 0
    records = json.loads((case.folder / "out" / "explanations.json").read_text())
    found = np.zeros((3, 3))
    for row, record in zip(found, records):
        for answer in record["classes"]:
            row[answer["class"]] = answer["probability"]
    assert_same(found, case)


@pytest.mark.slow
@fronts(pytest.mark.thorough)
def test_served_and_bulk(case):
    path = case.explainer.export(case.folder / "1", max_batch_size=1)
    served = tf.saved_model.load(str(path)).signatures
    assert_same(served["classify"](images=tf.constant(RAW))["probabilities"], case)
    paths = [str(case.folder / "pictures" / f"{i}.png") for i in range(len(RAW))]
    files = tf.constant([tf.io.read_file(path).numpy() for path in paths])
    answer = served["explain_bytes"](image_bytes=files)
    assert_same(answer["probabilities"], case)

    elements = pytest.importorskip("keras_explainer.bulk.pipeline_elements")
    from keras_explainer.bulk.saved_model_handler import SavedModelHandler

    handler = SavedModelHandler(str(path), 3, 3, "png", None)
    shards = [elements.Shard(0, paths)]
    (explained,) = handler.run_inference(shards, handler.load_model())
    assert_same([row["probabilities"] for row in explained.rows], case)
