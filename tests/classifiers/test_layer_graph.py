"""Reading Keras models as one flat list of calls."""

import keras
import numpy as np
import pytest
from conftest import random_images
from conftest import tiny_classifier
from keras import layers

from keras_explainer.classifiers import LayerGraph


def base_model():
    images = keras.Input((None, None, 3))
    x = layers.Conv2D(4, 3, strides=2, padding="same", activation="relu")(images)
    return keras.Model(images, layers.Conv2D(6, 3, padding="same")(x), name="base")


def sequential_transfer():
    return keras.Sequential(
        [
            keras.Input((16, 16, 3)),
            base_model(),
            layers.GlobalAveragePooling2D(),
            layers.Dense(2, activation="softmax"),
        ]
    )


def functional_transfer():
    images = keras.Input((16, 16, 3))
    x = base_model()(images * 2.0)
    x = layers.GlobalAveragePooling2D()(x)
    return keras.Model(images, layers.Dense(2, activation="softmax")(x))


def nested_twice():
    images = keras.Input((16, 16, 3))
    inner = keras.Sequential([keras.Input((16, 16, 3)), base_model()])
    x = layers.GlobalMaxPooling2D()(inner(images))
    return keras.Model(images, layers.Dense(2)(x))


def shared_base_with_ops():
    images = keras.Input((16, 16, 3))
    base = base_model()
    x = keras.ops.concatenate([base(images), base(images[:, :, ::-1])], axis=-1)
    x = keras.ops.mean(x, axis=(1, 2))
    return keras.Model(images, keras.ops.softmax(layers.Dense(2)(x)))


@pytest.mark.parametrize(
    "build",
    [sequential_transfer, functional_transfer, nested_twice, shared_base_with_ops],
)
def test_running_the_graph_equals_calling_the_model(build):
    model = build()
    graph = LayerGraph(model)
    images = random_images(2, 16)
    (output,) = graph.run({graph.input: images}, [graph.output])
    np.testing.assert_allclose(output, model(images), atol=1e-6)
    # Nested models are opened: no call is a model.
    assert not any(isinstance(call.operation, keras.Model) for call in graph.calls)
    # Open sizes inside the base are resolved.
    assert all(None not in graph.shape(c.outputs[0])[1:] for c in graph.calls)


def test_a_reloaded_model_reads_the_same(tmp_path):
    model = sequential_transfer()
    model.save(tmp_path / "model.keras")
    graph = LayerGraph(keras.saving.load_model(tmp_path / "model.keras"))
    images = random_images(2, 16)
    (output,) = graph.run({graph.input: images}, [graph.output])
    np.testing.assert_allclose(output, model(images), atol=1e-6)


def test_batch_normalization_and_dropout_run_in_inference_mode():
    model = tiny_classifier()
    graph = LayerGraph(model)
    images = random_images(2)
    (output,) = graph.run({graph.input: images}, [graph.output])
    np.testing.assert_allclose(output, model(images, training=False), atol=1e-6)


class Subclassed(keras.Model):
    def call(self, images):
        return images


class OfKeras2:
    """What a model of the package `tf_keras` looks like."""

    __module__ = "tf_keras.src.engine.functional"
    name = "old"

    def __call__(self, images):
        return images


class FunctionalWithOwnCall(keras.Model):
    def __init__(self):
        images = keras.Input((16, 16, 3))
        super().__init__(images, layers.Flatten()(images))

    def call(self, images):
        return images


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (Subclassed, "call it once on a batch of images"),
        (FunctionalWithOwnCall, r"model.call\(inputs\)"),
        (lambda: keras.Sequential([layers.Dense(2)]), "is built"),
        (lambda: "resnet", "functional or Sequential"),
        (lambda: layers.Dense(2), "of a layer, .*attribution.RISE`"),
        (lambda: lambda images: images, "of a function, .*attribution.RISE`"),
        (OfKeras2, "of Keras 3; .*keras.saving.load_model"),
    ],
)
def test_models_without_a_graph_are_refused(build, message):
    with pytest.raises(ValueError, match=f"`classifier` .*{message}.*Received: "):
        LayerGraph(build())


def test_several_outputs_are_refused():
    one = keras.Input((8, 8, 3))
    with pytest.raises(ValueError, match="one output; .*2 outputs"):
        LayerGraph(keras.Model(one, [one * 1.0, one * 2.0]))


def test_other_inputs_are_read_and_asked_for():
    images, other = keras.Input((8, 8, 3)), keras.Input((3,), name="other")
    pooled = layers.GlobalAveragePooling2D()(layers.Conv2D(4, 3)(images))
    hidden = layers.Dense(5, activation="relu")(other)
    x = layers.Dense(3, activation="softmax")(layers.Concatenate()([pooled, hidden]))
    model = keras.Model([other, images], x)
    graph = LayerGraph(model)
    assert graph.image_place == 1 and graph.shape(graph.input) == (None, 8, 8, 3)
    some, row = random_images(4, 8), np.random.default_rng(0).normal(size=(2, 3))
    start, targets = {graph.input: some}, [graph.output]
    with pytest.raises(ValueError, match="other inputs of the classifier.*Received"):
        graph.run(start, targets)
    for rows, index in ((None, [0, 0, 1, 1]), (np.array([1, 0, 0, 1]), [1, 0, 0, 1])):
        with graph.other_inputs.given([row]):
            (answers,) = graph.run(start, targets, rows=rows)
        np.testing.assert_allclose(answers, model([row[index], some]), atol=1e-6)
    assert graph.other_inputs.values == ()


def test_a_function_is_read_as_one_call():
    model = tiny_classifier()
    graph = LayerGraph(lambda images: model(images), image_shape=(32, 32, 3))
    images = random_images(2)
    (answers,) = graph.run({graph.input: images}, [graph.output])
    np.testing.assert_allclose(answers, model(images), atol=1e-6)
    assert graph.shape(graph.output) == (None, 3)
