"""Which map of a classifier is taken for its final features, and which is not."""

import keras
import numpy as np
import pytest
from conftest import random_images
from keras import layers
from keras import ops

from keras_explainer.attribution import RISE
from keras_explainer.attribution import GradCAM
from keras_explainer.classifiers import FrozenClassifier


def convolved(x, filters, strides=1, **options):
    return layers.Conv2D(filters, 3, strides, padding="same", **options)(x)


def pooled(x):
    return layers.GlobalAveragePooling2D()(x)


def classifier_of(build, size=16, classes=3):
    images = keras.Input((size, size, 3))
    x = build(convolved(images, 8, 2, activation="relu"))
    x = x if len(x.shape) == 2 else pooled(x)
    return keras.Model(images, layers.Dense(classes, activation="softmax")(x))


def two_levels(x):
    deeper = convolved(x, 5, 2, activation="relu")
    return layers.Concatenate()([pooled(x), pooled(deeper)])


def attention_pooling(x):
    weights = layers.Reshape((64, 1))(layers.Conv2D(1, 1)(x))
    weights = layers.Reshape((8, 8, 1))(layers.Softmax(axis=1)(weights))
    return ops.sum(x * weights, axis=(1, 2))


def attention_pooling_of_cells(x):
    cells = layers.Reshape((64, 8))(x)
    weights = layers.Softmax(axis=1)(layers.Dense(1)(cells))
    return ops.sum(cells * weights, axis=1)


def bottleneck(x):
    x = convolved(x, 4, 4, activation="relu")
    return convolved(layers.UpSampling2D(4)(x), 6, activation="relu")


def from_a_vector(x):
    x = layers.GlobalAveragePooling2D(keepdims=True)(x)
    return convolved(layers.UpSampling2D(4)(x), 6, activation="relu")


def padded_with_infinity(x):
    x = ops.pad(x, ((0, 0), (1, 1), (1, 1), (0, 0)), constant_values=-np.inf)
    return convolved(layers.MaxPooling2D(3, 2)(x), 6, activation="relu")


@pytest.mark.parametrize(
    ("build", "shape"),
    [
        (two_levels, (8, 8, 8)),
        (attention_pooling, (8, 8, 8)),
        (attention_pooling_of_cells, (8, 8, 8)),
        (bottleneck, (8, 8, 6)),
        (from_a_vector, (8, 8, 8)),
        (padded_with_infinity, (4, 4, 6)),
    ],
)
def test_the_final_map_is_one_that_every_path_passes_through(build, shape):
    classifier, images = classifier_of(build), random_images(2, 16)
    frozen = FrozenClassifier(classifier, finest_stride=1)
    assert frozen.level_shapes[0] == shape
    read = frozen(images)
    assert all(np.isfinite(level).all() for level in read["features"])
    probabilities = frozen.probabilities(read["logits"])
    np.testing.assert_allclose(probabilities, classifier(images), atol=1e-6)
    # Whatever evidence there is, is the head on a map filled with the cell.
    if "evidence" in read:
        features = np.asarray(read["features"][0])
        for i, j in ((0, 0), (3, 2)):
            filled = np.broadcast_to(features[0, i, j], (1, *shape))
            logits = frozen.logits_from(frozen.level_tensors[0], filled)
            np.testing.assert_allclose(
                read["evidence"][0, i, j], frozen.log_odds(logits)[0], atol=1e-3
            )
    assert GradCAM(classifier).explain(images, 0).shape == (2, 16, 16)


def test_evidence_is_only_of_heads_that_judge_a_cell_like_a_map_of_it():
    def summed(x):
        return ops.sum(x, axis=(1, 2))

    def weighted(x):
        return layers.DepthwiseConv2D(8)(x)[:, 0, 0]

    for build in (two_levels, summed, weighted):
        frozen = FrozenClassifier(classifier_of(build))
        assert frozen.cell_head is None
        assert "evidence" not in frozen(random_images(1, 16))


@pytest.mark.filterwarnings("ignore:Layer .* does not have a `quantize` method")
@pytest.mark.parametrize("mode", ["int8", "int4"])
def test_evidence_of_a_quantized_dense_layer_is_not_of_its_integers(mode):
    images = keras.Input((16, 16, 3))
    x = convolved(images, 8, 4, activation="relu")
    x = layers.Dense(6, activation="relu")(layers.Flatten()(x))
    model = keras.Model(images, layers.Dense(4, activation="softmax")(x))
    try:
        model.quantize(mode)
    except (ValueError, NotImplementedError):
        pytest.skip(f"this Keras does not quantize to {mode}")
    frozen = FrozenClassifier(model)
    read = frozen(random_images(1, 16))
    features = np.asarray(read["features"][0])
    filled = np.broadcast_to(features[0, 1, 2], (1, *features.shape[1:]))
    logits = frozen.logits_from(frozen.level_tensors[0], filled)
    np.testing.assert_allclose(
        read["evidence"][0, 1, 2], frozen.log_odds(logits)[0], atol=1e-3
    )


def test_convolutions_on_cells_in_a_row_are_no_tokens():
    def build(x):
        x = layers.Dense(6, activation="relu")(layers.Reshape((64, 8))(x))
        return layers.GlobalAveragePooling1D()(x)

    frozen = FrozenClassifier(classifier_of(build))
    assert frozen.level_shapes[0] == (8, 8, 8)


def test_networks_side_by_side_have_no_map_of_their_own():
    images = keras.Input((16, 16, 3))
    members = [
        layers.Dense(3, activation="softmax")(pooled(convolved(images, 4, 2)))
        for _ in range(2)
    ]
    model = keras.Model(images, layers.Average()(members))
    with pytest.raises(ValueError, match="every path .*explained one at a time"):
        GradCAM(model)
    maps = RISE(model, num_masks=8).explain(random_images(1, 16), 0)
    assert maps.max() == 1


class HiddenMaps(keras.Model):
    def __init__(self):
        super().__init__()
        self.convolution, self.pool = layers.Conv2D(8, 3), layers.GlobalMaxPooling2D()

    def call(self, x):
        return self.pool(self.convolution(x))


class MapsOfNumbers(HiddenMaps):
    """What Keras cannot trace: it looks at the values."""

    def call(self, x):
        return super().call(x) * (2.0 if float(x[0, 0, 0, 0]) > 0.5 else 1.0)

    def compute_output_spec(self, x):
        return keras.KerasTensor((None, 8))


def test_a_layer_that_hides_its_maps_is_named():
    images, hidden = keras.Input((16, 16, 3)), MapsOfNumbers()
    hidden(np.zeros((1, 16, 16, 3)))
    model = keras.Model(images, layers.Dense(3, activation="softmax")(hidden(images)))
    with pytest.raises(
        ValueError,
        match=r"keras.Model\(images, layer.call\(images\)\).*'maps_of_numbers.*Maps",
    ):
        GradCAM(model)


@pytest.mark.parametrize("size", [None, 16])
def test_channels_first_is_refused(size):
    images = keras.Input((3, size, size))
    x = layers.Conv2D(4, 3, data_format="channels_first", name="first")(images)
    x = layers.GlobalAveragePooling2D(data_format="channels_first")(x)
    model = keras.Model(images, layers.Dense(3, activation="softmax")(x))
    with pytest.raises(ValueError, match="channels_last.*Received: layer 'first'"):
        FrozenClassifier(model)


def test_channels_that_come_first_only_in_the_input_can_be_turned():
    inner = classifier_of(lambda x: x)
    images = keras.Input((3, 16, 16))
    model = keras.Model(images, inner(layers.Permute((2, 3, 1))(images)))
    with pytest.raises(ValueError, match=r"Permute\(\(3, 1, 2\)\)"):
        FrozenClassifier(model)
    images = keras.Input((16, 16, 3))
    turned = keras.Model(images, model(layers.Permute((3, 1, 2))(images)))
    some = random_images(2, 16)
    np.testing.assert_allclose(turned(some), inner(some), atol=1e-6)
    frozen = FrozenClassifier(turned)
    np.testing.assert_allclose(
        frozen.probabilities(frozen.logits(some)), inner(some), atol=1e-6
    )
