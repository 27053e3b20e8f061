"""Relevance: the order of pixels that `explain` gives beside the outlines."""

import numpy as np
import pytest
import tensorflow as tf
import trained
from conftest import random_images
from conftest import tiny_classifier
from explainer_kinds import any_kind
from explainer_kinds import every_kind

import keras_explainer as kx
from keras_explainer.explainers.relevance import _EVIDENCE_WEIGHT
from keras_explainer.explainers.relevance import graded
from keras_explainer.image_operations.undecided_logits import undecided_logits

pytestmark = pytest.mark.usefixtures("eager")
EVERY_CLASS = np.ones((1, 3), int)


def enlarged(cells, size=32):
    return np.asarray(tf.image.resize(np.float32(cells), (size, size)))


def from_0_to_1(order):
    low, high = (f(order, axis=(1, 2), keepdims=True) for f in (np.min, np.max))
    return (order - low) / np.maximum(high - low, 1.0)


def test_it_runs_from_0_to_1_in_closed_form():
    logits = np.array([-30.0, -0.5, 0.5, 30.0], "float32").reshape(1, 2, 2, 1)
    np.testing.assert_allclose(undecided_logits(logits), 0.0, atol=1e-5)
    bounded = np.tanh(logits)
    np.testing.assert_allclose(graded(logits), (bounded + 1) / 2, atol=1e-6)
    evidence = np.array([-3.0, 1.0, -1.0, 3.0], "float32").reshape(1, 2, 2, 1)
    spreads = bounded.std()
    agreement = (np.mean(bounded * evidence / 5**0.5) + 0.05) / (spreads + 0.05)
    assert 0.7 < agreement < 1
    order = bounded + _EVIDENCE_WEIGHT * agreement * evidence / 5**0.5
    expected = from_0_to_1(order)
    assert expected.min() == 0 and expected.max() == 1
    np.testing.assert_allclose(graded(logits, evidence), expected, atol=1e-6)
    # Whatever the unit of the evidence.
    for other in (100 * evidence, evidence / 10):
        np.testing.assert_allclose(graded(logits, other), expected, atol=1e-4)
    # One that does not vary orders nothing.
    for level in (-7.0, 0.0, 7.0):
        even = graded(logits, np.full_like(evidence, level))
        np.testing.assert_allclose(even, graded(logits), atol=1e-4)
    # A mask that is nowhere certain tells its cells apart all the same, if a little.
    low = np.asarray(graded(logits / 30 - 5)).ravel()
    expected = np.tanh(logits / 30).ravel() / 2
    np.testing.assert_allclose(low, expected - expected.min(), atol=1e-3)


def test_evidence_counts_as_far_as_it_tells_the_same_cells_apart():
    random = np.random.default_rng(0)
    inside = np.zeros((1, 8, 8, 1), "float32")
    inside[:, :4, :4] = 1.0
    logits = 20 * inside - 10
    noise = random.normal(size=inside.shape).astype("float32")
    # The classifier's "yes" everywhere, a little more here or there.
    alike = np.asarray(graded(logits, 5 + noise))
    assert alike[inside == 1].min() > alike[inside == 0].max()
    against = graded(logits, -logits)
    np.testing.assert_allclose(against, inside, atol=1e-5)
    # Where a mask tells nothing apart, the evidence is all that there is.
    even = graded(np.full_like(logits, -3.0), noise)
    order = np.argsort(np.ravel(even))
    np.testing.assert_array_equal(order, np.argsort(noise.ravel()))


def test_it_does_not_depend_on_batch_mates_or_on_how_the_image_is_turned():
    random = np.random.default_rng(0)
    logits = random.normal(0, 6, (3, 8, 8, 2)).astype("float32")
    evidence = random.normal(0, 6, (3, 4, 4, 2)).astype("float32")
    together = graded(logits, evidence)
    alone = graded(logits[1:2, ..., 1:], evidence[1:2, ..., 1:])
    np.testing.assert_allclose(together[1:2, ..., 1:], alone, atol=1e-5)
    for turn in (np.flipud, np.fliplr, np.rot90):
        moved = np.stack([turn(each) for each in logits])
        others = np.stack([turn(each) for each in evidence])
        expected = np.stack([turn(each) for each in np.asarray(together)])
        np.testing.assert_allclose(graded(moved, others), expected, atol=1e-4)


@pytest.mark.parametrize("activation", ["softmax", "sigmoid"])
def test_it_is_made_of_the_masks_and_of_the_evidence(activation):
    explainer = kx.ExplainerModel(tiny_classifier(activation=activation))
    images = random_images(2)
    found = explainer.explain(images, targets=np.ones((2, 3), int))
    outputs = explainer.classifier_outputs(images)
    decoded = explainer.class_logits(images, outputs, training=True)
    fall = explainer.class_logits(images, outputs) - decoded
    # Of a mask that fades, what is left of it: in all cells the same share.
    expected = graded(decoded, outputs["evidence"]) * np.exp(fall)
    np.testing.assert_allclose(found.relevance, enlarged(expected), atol=1e-5)


def test_without_evidence_the_mask_logits_tell_the_order():
    explainer = kx.ExplainerModel(tiny_classifier(activation="sigmoid"), rule_out=False)
    explainer.frozen.__dict__["cell_head"] = None
    images = random_images(2)
    outputs = explainer.classifier_outputs(images)
    assert "evidence" not in outputs
    logits = np.random.default_rng(0).normal(size=(2, 8, 8, 3)).astype("float32")
    cells = explainer.relevance_cells(logits, outputs, np.array([[0, 1, 2]] * 2))
    order = np.tanh(logits) + np.tanh(logits - undecided_logits(logits))
    np.testing.assert_allclose(cells, from_0_to_1(order / 2), atol=1e-6)


@every_kind
def test_it_takes_no_pass_of_the_classifier(make, monkeypatch):
    explainer = make(tiny_classifier())
    graph, passes = explainer.frozen.graph, []
    run = graph.run

    def counted(values, tensors):
        passes.append(graph.input in values)  # Else of cells, through the head alone.
        return run(values, tensors)

    monkeypatch.setattr(graph, "run", counted)
    images = random_images(3)
    found = explainer.explain(images, top_k=2)
    assert sum(passes) == 1
    assert found.relevance.shape == found.masks.shape
    assert found.relevance.dtype == "float32"
    assert found.relevance.min() >= 0 and found.relevance.max() <= 1
    again = explainer.explain(images, top_k=2)
    np.testing.assert_array_equal(again.relevance, found.relevance)


@every_kind
@pytest.mark.slow
def test_it_is_graded_where_masks_are_decided(make):
    """Few pixels of the masks of the siblings differ, all of their relevance do."""
    explainer, images = make(tiny_classifier()), random_images(2)
    relevance = explainer.explain(images, targets=0).relevance[..., 0]
    for each in relevance:
        assert len(np.unique(each.round(5))) > 100


def test_it_is_0_where_there_is_nothing():
    explainer = kx.ExplainerModel(tiny_classifier())
    outputs = {"logits": np.zeros((1, 3), "float32")}
    outputs["evidence"] = np.full((1, 4, 4, 3), -4.0, "float32")
    logits = np.full((1, 8, 8, 3), -2.0, "float32")
    cells = explainer.relevance_cells(logits, outputs, np.array([[0, 1, 2]]))
    shown = explainer.relevance(cells, random_images(1))
    np.testing.assert_allclose(shown, 0.0, atol=1e-6)


def test_it_fades_with_a_class_that_is_ruled_out():
    classifier = tiny_classifier()
    kernel, bias = classifier.layers[-1].get_weights()
    classifier.layers[-1].set_weights([kernel, bias + [3, 3, -12]])
    explainer = kx.ExplainerModel(classifier)
    relevance = explainer.explain(random_images(1), EVERY_CLASS).relevance
    assert 0 < relevance[..., 2].max() < 1e-4 < 0.5 < relevance[..., :2].max()
    # In proportion to its part of what rules it out, 5 % of what the likeliest has.
    kept = kx.ExplainerModel(classifier, rule_out=False)
    kept.set_weights(explainer.get_weights())
    whole = kept.explain(random_images(1), EVERY_CLASS)
    share = np.minimum(whole.scores / (0.05 * whole.scores.max()), 1.0)
    np.testing.assert_allclose(
        relevance, whole.relevance * share[:, None, None], rtol=1e-2, atol=1e-9
    )


@any_kind
def test_it_is_the_mean_of_the_image_and_of_its_mirror_image(make):
    explainer, images = make(tiny_classifier()), random_images(2)
    targets = np.ones((2, 3), int)
    turned = images[:, :, ::-1]
    one = explainer.explain(images, targets, mirrored=True).relevance
    other = explainer.explain(turned, targets, mirrored=True).relevance
    np.testing.assert_allclose(one, other[:, :, ::-1], atol=1e-5)
    assert np.abs(one - explainer.explain(images, targets).relevance).max() > 1e-3


def test_inside_a_graph_it_is_the_same():
    explainer, images = kx.ExplainerModel(tiny_classifier()), random_images(2)
    expected = explainer.explain(images, targets=1)
    tf.config.run_functions_eagerly(False)
    dataset = tf.data.Dataset.from_tensor_slices(images).batch(2)
    for found in dataset.map(lambda x: explainer.explain(x, targets=1)):
        np.testing.assert_allclose(found.relevance, expected.relevance, atol=1e-5)


@pytest.mark.slow
def test_a_trained_explainer_orders_the_pixels_of_its_patch_first(trained_explainer):
    explainer = trained_explainer()
    images, labels, truth = trained.patches(32, seed=5)
    found = explainer.explain(images, targets=labels.tolist())
    truth = truth.max(axis=-1)
    auc = np.asarray(kx.metrics.roc_auc(truth, found.relevance[..., 0]))
    assert auc.mean() > 0.9
    curves = {
        name: kx.metrics.insertion_deletion(
            explainer.frozen, images, maps[..., 0], labels.tolist(), step_share=0.05
        )
        for name, maps in (
            ("relevance", found.relevance),
            ("reversed", 1 - found.relevance),
        )
    }
    deletion = {name: curve["deletion_auc"].mean() for name, curve in curves.items()}
    assert deletion["relevance"] < deletion["reversed"] - 0.1
