"""Classifiers whose features are tokens are read as those of maps are."""

import keras
import numpy as np
import pytest
import tensorflow as tf
import token_classifiers
from conftest import assert_unchanged
from conftest import snapshot
from keras import layers

import keras_explainer as kx
from keras_explainer.attribution import GradCAM
from keras_explainer.classifiers import FrozenClassifier
from keras_explainer.classifiers.token_maps import GridOfTokens

KINDS = token_classifiers.KINDS
SHAPES = {
    "wide images": [(8, 12, 16)] * 4,
    "windows of maps": [(8, 8, 16), (16, 16, 16)],
    "windows of tokens": [(8, 8, 16)] * 3 + [(16, 16, 16)],
    "compact": [(8, 8, 16)] * 4 + [(16, 16, 16)],
    "hybrid": [(8, 8, 16)] * 4 + [(16, 16, 8)],
}


def pictures(classifier, count=2):
    shape = (count, *classifier.input_shape[1:])
    return np.random.default_rng(0).uniform(-1, 1, shape).astype("float32")


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_is_read(kind):
    classifier = KINDS[kind]()
    before, images = snapshot(classifier), pictures(classifier)
    frozen = FrozenClassifier(classifier, finest_stride=2)
    assert frozen.level_shapes == SHAPES.get(kind, [(8, 8, 16)] * 4)
    read = frozen(images)
    assert len(set(frozen.level_tensors)) == len(frozen.level_tensors)
    found = frozen.probabilities(read["logits"])
    np.testing.assert_allclose(found, classifier(images), atol=1e-5)
    # The evidence of a cell is what the head says where all tokens are that cell.
    cell = read["features"][0][0, 3, 2]
    graph, final = frozen.graph, frozen.final_map
    start = final
    if isinstance(graph.producers[final].operation, GridOfTokens):
        (start,) = (c.outputs[0] for c in graph.calls if final in c.inputs)
    alike = np.broadcast_to(cell, (1, *graph.shape(start)[1:]))
    (logits,) = graph.run({start: alike}, [frozen.logits_tensor])
    expected = frozen.log_odds(frozen.head.logits(logits))[0]
    np.testing.assert_allclose(read["evidence"][0, 3, 2], expected, atol=1e-3)
    maps = GradCAM(classifier).explain(images, 0)
    assert maps.shape == images.shape[:3] and np.isfinite(maps).all()
    assert_unchanged(classifier, before)


def test_tokens_are_laid_out_row_by_row_after_those_of_no_place():
    tokens = np.arange(14.0).reshape(1, 14, 1)
    grid = GridOfTokens(2, 3, 4)(tokens)
    np.testing.assert_array_equal(grid[0, :, :, 0], np.arange(2, 14).reshape(3, 4))


def test_evidence_of_mean_pooled_tokens_adds_up_to_the_answer():
    # Without a norm between tokens and mean, logits are the mean of those of cells.
    images = keras.Input((16, 16, 3))
    x = token_classifiers.attended(token_classifiers.patches(images), 2)
    x = layers.GlobalAveragePooling1D()(x)
    classifier = keras.Model(images, layers.Dense(3, activation="sigmoid")(x))
    read = FrozenClassifier(classifier)(pictures(classifier))
    np.testing.assert_allclose(
        np.mean(read["evidence"], axis=(1, 2)), read["logits"], atol=1e-4
    )


def test_after_the_last_attention_a_class_token_is_read_alone():
    frozen = FrozenClassifier(KINDS["class token"]())
    final, graph = frozen.final_map, frozen.graph
    tokens = graph.producers[final].inputs[0]
    behind = graph.calls_between({final, tokens}, [graph.output])
    kinds = [type(call.operation) for call in behind]
    assert kinds.count(layers.MultiHeadAttention) == 1
    frozen = FrozenClassifier(KINDS["mean"]())
    final, graph = frozen.final_map, frozen.graph
    behind = graph.calls_between({final}, [graph.output])
    assert layers.MultiHeadAttention not in [type(call.operation) for call in behind]


def test_tokens_of_images_of_any_size_are_refused_where_maps_are_read():
    images = keras.Input((None, None, 3))
    x = token_classifiers.attended(token_classifiers.patches(images, 32), 1)
    model = token_classifiers.answered(images, layers.GlobalAveragePooling1D()(x))
    with pytest.raises(ValueError, match="tokens .* of a fixed size.*are mixed"):
        GradCAM(model)


def test_nothing_is_said_of_a_softmax_over_one_cell(recwarn):
    classifier = KINDS["compact"]()
    recwarn.clear()
    FrozenClassifier(classifier)(pictures(classifier))
    assert not [w for w in recwarn if "softmax" in str(w.message)]


@pytest.mark.parametrize("kind", ["class token", "flatten head"])
def test_explainers_of_transformers_learn_and_are_saved(kind, tmp_path, eager):
    classifier = KINDS[kind]()
    before, images = snapshot(classifier), pictures(classifier, 4)
    explainer = kx.ExplainerModel(classifier)
    explainer.fit(images, np.array([0, 1, 2, 0]), batch_size=4, verbose=0)
    assert_unchanged(classifier, before)
    masks = explainer.explain(images).masks
    explainer.save(tmp_path / "explainer.keras")
    loaded = keras.saving.load_model(tmp_path / "explainer.keras")
    np.testing.assert_allclose(loaded.explain(images).masks, masks, atol=1e-5)


@pytest.mark.thorough
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    "system",
    [
        kx.ExplainerModel,
        kx.DiscreteMaskExplainer,
        kx.RealTimeSaliencyExplainer,
        kx.BoundedLogitAttentionExplainer,
        kx.L2XExplainer,
    ],
)
def test_every_explainer_takes_every_kind(system, kind, eager):
    classifier = KINDS[kind]()
    images = pictures(classifier, 4)
    explainer = system(classifier)
    explainer.fit(images, np.array([0, 1, 2, 0]), batch_size=4, verbose=0)
    masks = explainer.explain(images, top_k=1).masks
    assert masks.shape == (*images.shape[:3], 1) and np.isfinite(masks).all()


@pytest.mark.thorough
@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_is_exported(kind, tmp_path):
    explainer = kx.ExplainerModel(KINDS[kind](), preprocess_input="identity")
    shape = explainer.frozen.input_shape
    images = np.random.default_rng(0).uniform(0, 255, (2, *shape)).astype("float32")
    expected = explainer.explain(images, top_k=1)
    explainer.export(tmp_path / "1", top_k=1, mask_size=shape[:2])
    served = tf.saved_model.load(str(tmp_path / "1")).signatures["serving_default"]
    answer = served(images=tf.constant(images))
    np.testing.assert_allclose(answer["masks"], expected.masks, atol=1e-4)
    np.testing.assert_allclose(answer["scores"], expected.scores, atol=1e-4)
