"""Both answers of a binary classifier, on every route."""

import json
import shutil

import keras
import numpy as np
import pytest
import tensorflow as tf
import trained
from conftest import random_images
from conftest import tiny_classifier

import keras_explainer as kx
from keras_explainer import attribution
from keras_explainer import metrics


def yes_and_no(classifier, images):
    p = classifier.predict(images, verbose=0)
    return np.concatenate([1 - p, p], axis=1)


@pytest.mark.slow
def test_without_labels_the_answer_itself_is_explained(eager):
    """Of a classifier that says no to every image, with probability 1 - e^-5."""
    images = random_images(2)
    classifier = tiny_classifier(1, "sigmoid")
    classifier.layers[-1].set_weights([np.zeros((8, 1)), np.full(1, -5.0)])
    explainer = kx.ExplainerModel(classifier)
    explainer.compile(loss=kx.ExplainerLoss(classification_weight=1.0))

    def classification(*y):
        figures = explainer.evaluate(images, *y, verbose=0, return_dict=True)
        return figures["classification"]

    # It says so of the background as well, which gives the unit.
    costs = np.log1p(np.exp([-5.0, 5.0]))
    of_no, of_yes = costs / costs.mean()
    assert classification() == pytest.approx(of_no, rel=1e-3)
    assert classification(np.zeros(2)) == pytest.approx(of_no, rel=1e-3)
    assert classification(np.zeros((2, 1))) == pytest.approx(of_no, rel=1e-3)
    assert classification(np.ones(2)) == pytest.approx(of_yes, rel=1e-3)
    assert classification(np.eye(2)[[1] * 2]) == pytest.approx(of_yes, rel=1e-3)
    found = explainer.explain(images)
    assert (found.classes == [0, 1]).all() and (found.scores[:, 0] > 0.99).all()


@pytest.mark.parametrize(
    "name",
    [
        pytest.param("GradCAM", marks=pytest.mark.slow),
        pytest.param("IntegratedGradients", marks=pytest.mark.slow),
        pytest.param("RISE", marks=pytest.mark.slow),
        pytest.param("ExtremalPerturbation", marks=pytest.mark.thorough),
        pytest.param("IGOSPlusPlus", marks=pytest.mark.thorough),
    ],
)
def test_each_answer_has_its_own_map(trained_classifier, name):
    """Red is yes and green is no: each is the patch that makes the answer."""
    options = {"RISE": {"num_masks": 1000}, "ExtremalPerturbation": {"steps": 100}}
    method = getattr(attribution, name)(
        trained_classifier("one unit"), **options.get(name, {})
    )
    images, labels, truth = trained.patches(8, "one unit", seed=5)
    patch = truth.max(axis=-1)
    predicted = method.explain(images)
    own = method.explain(images, targets=[int(label) for label in labels])
    np.testing.assert_allclose(predicted, own, atol=1e-5)
    assert (
        np.mean([metrics.roc_auc(t[None], o[None]) for o, t in zip(own, patch)]) > 0.6
    )


@pytest.mark.slow
def test_each_answer_has_its_own_mask(trained_classifier, tmp_path):
    explainer = kx.ExplainerModel(
        trained_classifier("one unit"), class_names=["green", "red"]
    )
    images, labels, _ = trained.patches(256, "one unit", seed=7)
    explainer.fit(images, batch_size=32, epochs=8, verbose=0)  # Without labels.
    images, labels, truth = trained.patches(32, "one unit", seed=5)
    found = explainer.explain(images)
    np.testing.assert_array_equal(found.classes[:, 0], labels)
    np.testing.assert_allclose(
        found.probabilities, yes_and_no(explainer.classifier, images), atol=1e-5
    )
    patch = truth.max(axis=-1)
    for answer in (0, 1):
        of_it = labels == answer
        masks = found.masks[of_it, ..., 0]
        shares = list(map(trained.share_on_own_patch, masks, patch[of_it]))
        assert np.mean(shares) > 0.6
    explainer.save(tmp_path / "explainer.keras")
    loaded = keras.saving.load_model(tmp_path / "explainer.keras")
    assert loaded.display_names == ["green", "red"]
    np.testing.assert_allclose(loaded.explain(images).masks, found.masks, atol=1e-4)


@pytest.mark.slow
def test_an_export_names_both_answers(trained_classifier, tmp_path):
    explainer = kx.ExplainerModel(
        trained_classifier("one unit"), class_names=["red"], preprocess_input="0..1"
    )
    explainer.export(tmp_path / "1", mask_size=8)
    images, _, _ = trained.patches(4, "one unit", seed=5)
    served = tf.saved_model.load(str(tmp_path / "1")).signatures["serving_default"]
    answer = served(tf.constant(255 * images))
    expected = yes_and_no(explainer.classifier, images)
    np.testing.assert_allclose(answer["probabilities"], expected, atol=1e-4)
    names = answer["class_names"].numpy()
    for row, p in zip(names, expected[:, 1]):
        assert row.tolist() == (
            [b"red", b"not red"] if p >= 0.5 else [b"not red", b"red"]
        )


@pytest.mark.slow
def test_the_command_line_explains_either_answer(trained_classifier, tmp_path):
    from keras_explainer.__main__ import main

    explainer = kx.ExplainerModel(
        trained_classifier("one unit"), class_names=["red"], preprocess_input="0..1"
    )
    explainer.save(tmp_path / "explainer.keras")
    images, _, _ = trained.patches(1, "one unit", seed=5)
    keras.utils.save_img(tmp_path / "picture.png", 255 * images[0], scale=False)
    for targets, names in (("not red", ["not red"]), ("red", ["red"])):
        out = tmp_path / "out"
        shutil.rmtree(out, ignore_errors=True)
        main(
            ["explain", str(tmp_path / "picture.png"), "--out", str(out)]
            + ["--explainer", str(tmp_path / "explainer.keras"), "--targets", targets]
        )
        (record,) = json.loads((out / "explanations.json").read_text())
        assert [each["name"] for each in record["classes"]] == names
        p = yes_and_no(explainer.classifier, images)[0]
        expected = p[1] if targets == "red" else p[0]
        assert record["classes"][0]["probability"] == pytest.approx(expected, abs=0.02)


@pytest.mark.slow
def test_labels_of_one_column_and_of_two_mean_the_same():
    """One graph is for both, and does not know how wide they are."""
    images, labels = random_images(4), np.array([0, 1, 1, 0])
    explainer = kx.L2XExplainer(tiny_classifier(1, "sigmoid"), grid=4, selected=4)
    forms = labels[:, None].astype("float32"), np.eye(2, dtype="float32")[labels]
    column, rows = (
        explainer.evaluate(images, form, verbose=0, return_dict=True) for form in forms
    )
    assert column == pytest.approx(rows, rel=1e-5)
    other = explainer.evaluate(images, 1 - forms[1], verbose=0, return_dict=True)
    assert other["kept_accuracy"] == pytest.approx(1 - rows["kept_accuracy"])
