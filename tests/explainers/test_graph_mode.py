"""What only traced steps can show; the other tests run them eagerly."""

import functools

import keras
import numpy as np
import pytest
import tensorflow as tf
from conftest import assert_unchanged
from conftest import random_images
from conftest import snapshot
from conftest import tiny_classifier
from explainer_kinds import EXPLAINERS
from explainer_kinds import graded

import keras_explainer as kx
from keras_explainer.attribution import GradCAM


@pytest.mark.slow
@pytest.mark.parametrize(
    "head", ["flatten", pytest.param("pool", marks=pytest.mark.thorough)]
)
def test_fused_softmax_heads_train_and_explain(head, tmp_path):
    classifier = tiny_classifier(head=head)
    before = snapshot(classifier)
    images, labels = random_images(8), np.arange(8) % 3
    explainer = kx.ExplainerModel(classifier)
    history = explainer.fit(
        images, labels, batch_size=4, validation_data=(images, labels), verbose=0
    ).history
    assert np.isfinite(history["loss"][0]) and history["loss"][0] != 0
    first = explainer.explain(images, top_k=2)
    np.testing.assert_allclose(
        first.probabilities, classifier.predict(images, verbose=0), atol=1e-5
    )
    # Other batch sizes and numbers of targets use the same traces or new ones.
    np.testing.assert_allclose(
        explainer.explain(images[:3], top_k=1).masks[..., 0],
        first.masks[:3, ..., 0],
        atol=1e-5,
    )
    several = explainer.explain(images[:5], targets=np.ones((5, 3)))
    assert several.masks.shape == (5, 32, 32, 3)
    assert GradCAM(classifier).explain(images, targets=1).shape == (8, 32, 32)
    assert_unchanged(classifier, before)
    explainer.save(tmp_path / "explainer.keras")
    loaded = keras.saving.load_model(tmp_path / "explainer.keras")
    np.testing.assert_allclose(
        loaded.explain(images, top_k=2).masks, first.masks, atol=1e-6
    )


@pytest.mark.slow
def test_explain_is_traced_once_for_batches_of_all_sizes(monkeypatch):
    explainer = kx.ExplainerModel(tiny_classifier())
    explain, traced = explainer._explain_batch, []

    def traced_explain(images, classes, *options):
        traced.append(options)
        return explain(images, classes, *options)

    monkeypatch.setattr(explainer, "_explain_batch", traced_explain)
    for count in (4, 3, 2, 1):
        explainer.explain(random_images(count), top_k=2)
        explainer.explain(random_images(count), targets=1)
    assert len(traced) == 2


@pytest.mark.slow
def test_a_traced_step_equals_an_eager_one():
    images, labels = tf.constant(random_images(4)), tf.constant([0, 1, 2, 0])
    explainers = []
    for eager in (False, True):
        keras.utils.set_random_seed(3)
        explainer = kx.ExplainerModel(tiny_classifier())
        explainer.compile(run_eagerly=eager)
        explainer.train_on_batch(images, labels)
        explainers.append(explainer)
    for a, b in zip(*(e.get_weights() for e in explainers), strict=True):
        np.testing.assert_allclose(a, b, atol=2e-5)


@pytest.mark.slow
def test_bad_data_in_a_later_batch_is_one_sentence():
    images = random_images(8)
    images[7, 0, 0, 0] = np.nan
    dataset = tf.data.Dataset.from_tensor_slices((images, np.arange(8) % 3)).batch(2)
    explainer = kx.ExplainerModel(tiny_classifier())
    with pytest.raises(ValueError, match="^Images should be finite[^\\]]*infinity$"):
        explainer.fit(dataset, verbose=0)
    assert all(np.isfinite(w).all() for w in explainer.get_weights())


@pytest.mark.slow
def test_open_sizes_that_keep_changing():
    images = keras.Input((None, None, 3))
    x = keras.layers.Conv2D(4, 3, strides=2, padding="same", activation="relu")(images)
    x = keras.layers.GlobalAveragePooling2D()(x)
    classifier = keras.Model(images, keras.layers.Dense(3, activation="softmax")(x))
    explainer = kx.ExplainerModel(classifier)
    first = explainer.explain(random_images(2, 64)).masks
    # From the third size on, the graph no longer knows the size.
    for size in (96, 128, 160):
        masks = explainer.explain(random_images(2, size)).masks
        assert masks.shape == (2, size, size, 3)
    np.testing.assert_allclose(
        explainer.explain(random_images(2, 64)).masks, first, atol=1e-6
    )


@pytest.mark.slow
@pytest.mark.parametrize("classes", [40, pytest.param(3, marks=pytest.mark.thorough)])
def test_single_labels_and_inpainting(classes):
    """With more than 32 classes a step computes the masks of some of them."""
    classifier = tiny_classifier(classes=classes, activation="sigmoid")
    before = snapshot(classifier)
    explainer = kx.ExplainerModel(classifier)
    explainer.compile(loss=kx.ExplainerLoss(overlap_weight=3), single_label=0.5)
    labels = (
        np.eye(classes)[np.arange(8) % 3] + np.eye(classes)[3 - 1 - np.arange(8) % 2]
    )
    weights = [np.array(w) for w in explainer.get_weights()]
    history = explainer.fit(
        random_images(8), np.minimum(labels, 1), epochs=2, batch_size=4, verbose=0
    ).history
    assert np.isfinite([values for values in history.values()]).all()
    assert any((a != b).any() for a, b in zip(weights, explainer.get_weights()))
    assert_unchanged(classifier, before)


@pytest.mark.slow
@pytest.mark.parametrize(
    "make",
    [
        functools.partial(
            kx.DiscreteMaskExplainer, baseline="greedy", samples=1, slopes=True
        ),
        EXPLAINERS["real_time_saliency"],
        EXPLAINERS["bla-ph"],
        *graded(
            thorough=[
                name
                for name in EXPLAINERS
                if name not in ("explainer", "real_time_saliency", "bla-ph")
            ]
        ),
    ],
)
def test_the_other_systems_train_explain_and_reload(make, tmp_path):
    classifier = tiny_classifier()
    before = snapshot(classifier)
    images, labels = random_images(8), np.arange(8) % 3
    explainer = make(classifier)
    history = explainer.fit(
        images, labels, batch_size=4, validation_data=(images, labels), verbose=0
    ).history
    assert np.isfinite([values for values in history.values()]).all()
    several = explainer.explain(images[:5], targets=np.ones((5, 3)))
    assert several.masks.shape == (5, 32, 32, 3)
    assert_unchanged(classifier, before)
    explainer.save(tmp_path / "explainer.keras")
    loaded = keras.saving.load_model(tmp_path / "explainer.keras")
    again = loaded.explain(images[:5], targets=np.ones((5, 3)))
    np.testing.assert_allclose(again.masks, several.masks, atol=1e-4)
