"""The proof of a mask: the classifier's answers to what it keeps and to the rest."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from conftest import random_images
from conftest import tiny_classifier

import keras_explainer as kx
from keras_explainer.image_operations.inpainting import inpainted


@pytest.mark.slow
@pytest.mark.usefixtures("eager")
@pytest.mark.parametrize("activation", ["softmax", "sigmoid"])
@pytest.mark.parametrize("inpainting", [True, False])
def test_both_parts_are_answered_as_by_hand(activation, inpainting):
    classifier, images = tiny_classifier(activation=activation), random_images(3)
    explainer = kx.ExplainerModel(classifier, background=0.25)
    explainer.compile(inpainting=inpainting)
    found = explainer.explain(images, top_k=2, verify=True, batch_size=2)
    plain = explainer.explain(images, top_k=2)
    assert plain.kept_scores is None and plain.removed_scores is None
    for field in plain._fields[:5]:
        np.testing.assert_allclose(
            getattr(found, field), getattr(plain, field), atol=1e-6
        )
    assert found.kept_scores.shape == found.removed_scores.shape == (3, 2)
    for k in range(2):
        mask = found.masks[..., k, None]
        rows = np.arange(3), found.classes[:, k]
        kept = classifier.predict(0.25 + mask * (images - 0.25), verbose=0)
        np.testing.assert_allclose(found.kept_scores[:, k], kept[rows], atol=1e-5)
        # Filled in cells, of two pixels here.
        cells = tf.nn.avg_pool2d(1 - mask, 2, 2, "SAME")[..., 0]
        fill = inpainted(images, cells, 0.25) if inpainting else 0.25
        rest = classifier.predict(fill + (1 - mask) * (images - fill), verbose=0)
        np.testing.assert_allclose(found.removed_scores[:, k], rest[rows], atol=1e-5)


@pytest.mark.slow
@pytest.mark.usefixtures("eager")
def test_a_mask_of_everything_keeps_the_answer_and_one_of_nothing_leaves_it():
    images = random_images(2)
    for logit, field in ((40.0, "kept_scores"), (-40.0, "removed_scores")):
        explainer = kx.ExplainerModel(tiny_classifier())
        masks = tf.fill((*images.shape[:3], 3), logit)
        explainer.upsampled = lambda *_, masks=masks: masks
        found = explainer.explain(images, verify=True)
        np.testing.assert_allclose(getattr(found, field), found.scores, atol=1e-5)


@pytest.mark.usefixtures("eager")
def test_where_an_image_has_fewer_targets_there_is_nothing_to_prove():
    explainer = kx.ExplainerModel(tiny_classifier(activation="sigmoid"))
    rows = np.array([[1, 1, 0], [0, 0, 1]])
    found = explainer.explain(random_images(2), targets=rows, verify=True)
    assert found.classes[1, 1] == -1
    assert found.kept_scores[1, 1] == 0 and found.removed_scores[1, 1] == 0
    assert (found.kept_scores[0] > 0).all()


@pytest.mark.slow
def test_it_runs_inside_a_graph_and_on_one_class():
    explainer, images = kx.ExplainerModel(tiny_classifier()), random_images(2)
    expected = explainer.explain(images, targets=1, verify=True)
    dataset = tf.data.Dataset.from_tensor_slices(images).batch(2)
    for found in dataset.map(lambda x: explainer.explain(x, targets=1, verify=True)):
        for field in ("kept_scores", "removed_scores"):
            np.testing.assert_allclose(
                getattr(found, field), getattr(expected, field), atol=1e-5
            )
    for found in dataset.map(lambda x: explainer.explain(x, targets=1)):
        assert found.kept_scores is None


@pytest.mark.parametrize("make", [kx.DiscreteMaskExplainer, kx.L2XExplainer])
def test_siblings_are_verified_alike(make):
    classifier, images = tiny_classifier(), random_images(2)
    explainer = make(classifier, background=0.0, grid=8)
    found = explainer.explain(images, targets=0, verify=True)
    kept = classifier.predict(found.masks * images, verbose=0)[:, :1]
    np.testing.assert_allclose(found.kept_scores, kept, atol=1e-5)
    rest = classifier.predict((1 - found.masks) * images, verbose=0)[:, :1]
    np.testing.assert_allclose(found.removed_scores, rest, atol=1e-5)


def test_verify_is_yes_or_no():
    explainer = kx.ExplainerModel(tiny_classifier())
    with pytest.raises(ValueError, match="`verify` should be True or False.*'all'"):
        explainer.explain(random_images(1), verify="all")


@pytest.mark.slow
def test_a_saved_explainer_verifies_alike(tmp_path):
    explainer, images = kx.ExplainerModel(tiny_classifier()), random_images(2)
    explainer.compile(inpainting=False)
    expected = explainer.explain(images, verify=True)
    explainer.save(tmp_path / "e.keras")
    found = keras.saving.load_model(tmp_path / "e.keras").explain(images, verify=True)
    np.testing.assert_allclose(found.removed_scores, expected.removed_scores, atol=1e-5)


def explanation(**fields):
    empty = dict.fromkeys(kx.Explanation._fields[:5])
    return kx.Explanation(**{**empty, **fields})


def test_a_verdict_counts_the_predicted_classes():
    areas = np.float32([[0.5, 0.25], [0.0, 1.0]])
    found = explanation(
        # Of the first image two classes, of the second the likelier one.
        masks=np.tile(areas[:, None, None], (1, 2, 2, 1)),
        classes=np.array([[0, 1], [2, 0]]),
        scores=np.float32([[0.9, 0.6], [0.1, 0.3]]),
        kept_scores=np.float32([[0.8, 0.2], [0.1, 0.3]]),
        removed_scores=np.float32([[0.0, 0.3], [0.1, 0.1]]),
    )
    # 0.6 comes to 0.2 from its mask alone, and to its half without it.
    assert found.verdict() == (
        "3 masks cover 58% of a picture; of the classes' 0.60 the classifier keeps "
        "0.43 from them and 0.13 from the rest; 2 answers are kept, 2 given up without "
        "them"
    )
    fields = ("masks", "classes", "scores", "kept_scores", "removed_scores")
    last = {name: getattr(found, name)[1:, ..., 1:] for name in fields}
    single = explanation(**last)
    assert single.verdict() == (
        "1 mask covers 100% of a picture; of the class's 0.30 the classifier keeps "
        "0.30 from it and 0.10 from the rest; 1 answer is kept, 1 given up without it"
    )
    unasked = found._replace(kept_scores=None)
    with pytest.raises(ValueError, match="`verify` of `explain` should be True"):
        unasked.verdict()


@pytest.mark.slow
def test_masks_of_a_trained_explainer_prove_themselves():
    """And masks that are turned round do not."""
    explainer = keras.saving.load_model(kx.shipped_model("shapes_explainer"))
    shapes = kx.datasets.shapes(
        16, image_size=128, seed=7, preprocess_input=explainer.preprocessing
    )
    (images, labels), *_ = shapes.as_numpy_iterator()
    found = explainer.explain(images, targets=labels, verify=True)
    there = found.scores > 0.5
    assert there.sum() > 20
    assert found.kept_scores[there].mean() > 0.7
    assert found.removed_scores[there].mean() < 0.3
    masks = explainer.upsampled
    explainer.upsampled = lambda logits, images: -masks(logits, images)
    explainer._compiled_explain = None
    turned = explainer.explain(images, targets=labels, verify=True)
    assert turned.kept_scores[there].mean() < 0.5
    assert turned.removed_scores[there].mean() > 0.7


def test_fit_ends_with_the_verdict_on_images_held_out(capsys):
    explainer = kx.ExplainerModel(tiny_classifier())
    images, held_out = random_images(4), random_images(20, seed=1)
    explainer.fit(images, validation_data=(held_out, None), verbose=0)
    explainer.fit(images, verbose=2)
    assert "training did not see" not in capsys.readouterr().out
    explainer.fit(images, validation_data=(held_out, None), verbose=2)
    last = capsys.readouterr().out.strip().splitlines()[-1]
    verdict = explainer.explain(held_out[:16], verify=True).verdict()
    assert last == f"On 16 images that training did not see: {verdict}"
