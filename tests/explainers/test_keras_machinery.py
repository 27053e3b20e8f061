"""What Keras does with any model, it does with every kind of explainer."""

import copy

import keras
import numpy as np
import pytest
import tensorflow as tf
from conftest import assert_unchanged
from conftest import random_images
from conftest import rows
from conftest import snapshot
from conftest import tiny_classifier
from explainer_kinds import any_kind
from explainer_kinds import every_kind

import keras_explainer as kx

pytestmark = pytest.mark.usefixtures("eager")
IMAGES = random_images(4, size=16)


def made(make=kx.ExplainerModel, **options):
    return make(tiny_classifier(activation="sigmoid", size=16), **options)


@pytest.mark.slow
@every_kind
def test_a_clone_explains_the_same_classifier_and_begins_anew(make):
    explainer = made(make, class_names=["a", "b", "c"], name="first")
    option = next(k for k in explainer.LOSS().get_config() if k.endswith("_weight"))
    explainer.compile(
        keras.optimizers.SGD(0.25), explainer.LOSS(**{option: 0.125}), metrics=["mae"]
    )
    start = [np.array(v) for v in explainer.trainable_variables]
    explainer.fit(IMAGES, rows(4), verbose=0)
    before = snapshot(explainer.classifier)
    clone = keras.models.clone_model(explainer)

    assert type(clone) is type(explainer) and clone.name == "first"
    assert clone.get_config() == explainer.get_config()
    assert clone.classifier is not explainer.classifier
    assert_unchanged(clone.classifier, before)
    # What is trained is new, and as untrained as the first was at its start.
    shapes = [v.shape for v in clone.trainable_variables]
    assert shapes == [v.shape for v in start]
    zero = [not np.any(v) for v in start]
    assert [not np.any(v) for v in clone.trainable_variables] == zero
    assert int(clone.optimizer.iterations) == 0
    assert float(clone.optimizer.learning_rate) == 0.25
    assert getattr(clone.explainer_loss, option) == 0.125

    kept = explainer.get_weights()
    history = clone.fit(IMAGES, rows(4), verbose=0).history
    assert "mae" in history
    for a, b in zip(kept, explainer.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)
    clone.set_weights(kept)
    for name, found in clone.predict(IMAGES, verbose=0).items():
        np.testing.assert_allclose(
            found, explainer.predict(IMAGES, verbose=0)[name], atol=1e-6
        )
    np.testing.assert_allclose(
        clone.explain(IMAGES).masks, explainer.explain(IMAGES).masks, atol=1e-6
    )


@pytest.mark.slow
def test_a_deep_copy_is_the_same_explainer():
    explainer = made()
    explainer.fit(IMAGES, rows(4), verbose=0)
    found = copy.deepcopy(explainer)
    assert type(found) is kx.ExplainerModel
    for a, b in zip(explainer.get_weights(), found.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


class Titled(kx.ExplainerModel):
    def __init__(self, classifier, title, **kwargs):
        super().__init__(classifier, **kwargs)
        self.title = title

    def get_config(self):
        return {**super().get_config(), "title": self.title}


def test_a_subclass_of_ones_own_is_cloned_too():
    classifier = tiny_classifier(size=16)
    clone = keras.models.clone_model(Titled(classifier, "cats"))
    assert type(clone) is Titled and clone.title == "cats"


def test_an_explainer_runs_on_a_symbolic_image_and_inside_another_model():
    explainer = made()
    images = keras.Input((16, 16, 3))
    outer = keras.Model(images, explainer(images)["coarse_masks"])
    np.testing.assert_allclose(
        outer.predict(IMAGES, verbose=0),
        explainer.predict(IMAGES, verbose=0)["coarse_masks"],
        atol=1e-6,
    )


@pytest.mark.parametrize(
    "name", ["e.h5", "e.hdf5", "e.weights.h5", "e.KERAS", "e", "e.tf", "e.keras.bak"]
)
def test_only_what_can_be_loaded_is_saved(tmp_path, name):
    explainer = made()
    with pytest.raises(ValueError, match=r'`filepath` should end in "\.keras".*'):
        explainer.save(tmp_path / name)
    with pytest.raises(ValueError, match="Received: "):
        explainer.save(str(tmp_path / name), overwrite=True)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("folder", ["nowhere", "~"])
def test_a_file_goes_into_a_folder_that_exists(tmp_path, monkeypatch, folder):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(FileNotFoundError, match=f"`filepath` .*'{folder}/e.keras'$"):
        made().save(f"{folder}/e.keras")


def test_an_explainer_is_no_classifier():
    with pytest.raises(ValueError, match="is `explainer.classifier`. Received: the"):
        kx.attribution.GradCAM(made())


@pytest.mark.slow
@any_kind
def test_weights_alone_are_saved_and_loaded(tmp_path, make):
    explainer = made(make)
    explainer.fit(IMAGES, rows(4), verbose=0)
    explainer.save_weights(tmp_path / "e.weights.h5")
    other = keras.models.clone_model(explainer)
    other.load_weights(tmp_path / "e.weights.h5")
    for a, b in zip(explainer.get_weights(), other.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)
    assert int(other.optimizer.iterations) == 1
    assert tf.reduce_all(
        other.step_seed.generator.state == explainer.step_seed.generator.state
    )
