"""Bounded logit attention around a classifier: heads, figures, masks."""

import keras
import numpy as np
import pytest
from conftest import random_images
from conftest import tiny_classifier

import keras_explainer as kx
from keras_explainer.inputs.labels import label_accuracy

pytestmark = pytest.mark.usefixtures("eager")


def select_half(explainer):
    """Puts the bias where about half of the cells reach the bound."""
    score = explainer.attention.score
    kernel = np.random.default_rng(0).normal(size=score.kernel.shape)
    features = np.asarray(explainer.frozen(random_images(8))["features"][0])
    values = features @ kernel[0, 0, :, 0]
    score.set_weights([kernel, np.float32([-np.median(values)])])


def test_figures_of_a_step_are_what_the_head_says_of_the_cells():
    classifier = tiny_classifier(classes=4)
    explainer = kx.BoundedLogitAttentionExplainer(classifier)
    select_half(explainer)
    images, labels = random_images(8), np.arange(8) % 4
    found = explainer.evaluate(images, labels, return_dict=True, verbose=0)
    dense = classifier.layers[-1]
    features = np.asarray(explainer.frozen(images)["features"][0])
    masks = explainer.predict(images, verbose=0)["coarse_masks"][..., 0]
    assert 0.2 < masks.mean() < 0.8
    vectors = np.stack([f[m > 0.5].mean(axis=0) for f, m in zip(features, masks)])
    hard = np.asarray(dense(vectors)).argmax(axis=1)
    assert found["cell_share"] == pytest.approx(masks.mean(), abs=1e-6)
    assert found["hard_accuracy"] == pytest.approx(np.mean(hard == labels))
    base = classifier.predict(images, verbose=0).argmax(axis=1)
    assert found["base_accuracy"] == pytest.approx(np.mean(base == labels))


def test_the_masks_of_all_classes_are_the_same():
    explainer = kx.BoundedLogitAttentionExplainer(tiny_classifier())
    select_half(explainer)
    masks = explainer.predict(random_images(4), verbose=0)["coarse_masks"]
    assert set(np.unique(masks)) == {0, 1}
    np.testing.assert_array_equal(masks, np.repeat(masks[..., :1], 3, axis=-1))


@pytest.mark.parametrize("variant", ["bla", "bla-t", "l2x-f"])
@pytest.mark.parametrize("head", ["pool", "flatten"])
def test_a_new_head_starts_as_the_classifiers(variant, head):
    classifier = tiny_classifier(head=head)
    explainer = kx.BoundedLogitAttentionExplainer(classifier, variant)
    vectors = np.random.default_rng(0).uniform(size=(5, 8)).astype("float32")
    np.testing.assert_allclose(
        explainer.head(vectors), explainer.frozen.cell_head(vectors), atol=1e-5
    )
    assert len(explainer.trainable_variables) == 4


def test_the_frozen_head_is_not_trained():
    explainer = kx.BoundedLogitAttentionExplainer(tiny_classifier())
    assert explainer.head is None
    names = {v.path.split("/")[-2] for v in explainer.trainable_variables}
    assert names == {"score"}


def test_a_head_without_an_answer_for_one_cell_needs_its_own():
    images = keras.Input((16, 16, 3))
    x = keras.layers.Conv2D(4, 3, strides=4)(images)
    x = keras.layers.Flatten()(keras.layers.Permute((3, 1, 2))(x))
    classifier = keras.Model(images, keras.layers.Dense(3, activation="softmax")(x))
    frozen = kx.BoundedLogitAttentionExplainer(classifier, "bla").frozen
    if frozen.cell_head is None:
        with pytest.raises(ValueError, match="`variant` .*Received: 'bla-ph'"):
            kx.BoundedLogitAttentionExplainer(classifier)


def test_right_share():
    logits = np.float32([[2, -1, 1], [-1, 3, 5]])
    rows = np.float32([[1, 0, 0], [0, 0, 1]])
    np.testing.assert_allclose(label_accuracy(logits, rows, True), [2 / 3, 2 / 3])
    np.testing.assert_allclose(label_accuracy(logits, rows, False), [1, 1])
    np.testing.assert_allclose(label_accuracy(-logits, rows, False), [0, 0])


def test_unknown_variants_are_named():
    with pytest.raises(ValueError, match="`variant` .*Received: 'blah'"):
        kx.BoundedLogitAttentionExplainer(tiny_classifier(), "blah")
