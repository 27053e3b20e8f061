"""Of a classifier with several outputs, one is explained."""

import keras
import numpy as np
import pytest
import trained
from keras import layers

import keras_explainer as kx
from keras_explainer.classifiers.one_output import one_output


@pytest.fixture
def both(trained_classifier):
    """A trained classifier that also gives a box, and the classifier."""
    classifier = trained_classifier()
    pooled = classifier.layers[-2].output
    box = layers.Dense(4, name="box")(pooled)
    outputs = {"label": classifier.output, "box": box}
    return keras.Model(classifier.input, outputs), classifier


@pytest.mark.parametrize("output", ["label", "dense", 1])
def test_an_output_is_chosen_by_key_layer_or_place(both, output):
    model, classifier = both
    if output == "dense":
        output = classifier.layers[-1].name
    images, labels, _ = trained.patches(8)
    chosen = one_output(model, output)
    np.testing.assert_allclose(chosen(images), classifier(images), atol=1e-6)


def test_the_masks_are_those_of_the_classifier_alone(both, tmp_path):
    model, classifier = both
    images, labels, _ = trained.patches(32)
    masks = []
    for explainer in (
        kx.ExplainerModel(model, output="label"),
        kx.ExplainerModel(classifier),
    ):
        keras.utils.set_random_seed(0)
        explainer.fit(images, labels, batch_size=32, verbose=0)
        masks.append(explainer.explain(images, targets=labels).masks)
        explainer.save(tmp_path / f"{len(masks)}.keras")
    assert masks[0].shape == masks[1].shape
    loaded = keras.saving.load_model(tmp_path / "1.keras")
    found = loaded.explain(images, targets=labels).masks
    np.testing.assert_allclose(found, masks[0], atol=1e-5)


def test_a_box_is_no_answer_to_explain(both):
    with pytest.raises(ValueError, match="linear head"):
        kx.ExplainerModel(both[0], output="box")


@pytest.mark.parametrize("output", ["boxes", 2, -1, True])
def test_no_such_output(both, output):
    with pytest.raises(ValueError, match=r"`output` should be one of .*'label'.*Rec"):
        kx.ExplainerModel(both[0], output=output)


def test_several_outputs_ask_for_one(both):
    with pytest.raises(ValueError, match="ExplainerModel.model, output=0.*2 outputs"):
        kx.ExplainerModel(both[0])
