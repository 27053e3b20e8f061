"""What is saved is loaded, of every explainer; and what is not is told."""

import keras
import numpy as np
import pytest
from conftest import indices
from conftest import random_images
from conftest import tiny_classifier
from explainer_kinds import any_kind
from explainer_kinds import every_kind

pytestmark = pytest.mark.usefixtures("eager")


@pytest.mark.slow
@every_kind
def test_save_and_load_give_equal_masks_and_go_on_training(make, tmp_path):
    images, labels = random_images(8), indices()
    explainer = make(
        tiny_classifier(),
        class_names=["a", "b", "c"],
        background=0.25,
        preprocess_input="mobilenet",
    )
    option = next(k for k in explainer.LOSS().get_config() if k.endswith("_weight"))
    explainer.compile(
        optimizer=keras.optimizers.Adam(1e-3),
        loss=explainer.LOSS(**{option: 0.123}),
    )
    explainer.fit(images, labels, batch_size=4, verbose=0)
    path = tmp_path / "explainer.keras"
    explainer.save(path)
    assert [file.name for file in tmp_path.iterdir()] == ["explainer.keras"]
    loaded = keras.saving.load_model(path)
    for key, value in explainer.predict(images, verbose=0).items():
        np.testing.assert_array_equal(loaded.predict(images, verbose=0)[key], value)
    assert loaded.class_names == ["a", "b", "c"]
    assert loaded.preprocessing.name == "mobilenet"
    np.testing.assert_array_equal(loaded.background.color, [0.25] * 3)
    assert getattr(loaded.explainer_loss, option) == 0.123
    assert int(loaded.optimizer.iterations) == 2
    for model in (explainer, loaded):
        model.fit(images, labels, batch_size=4, shuffle=False, verbose=0)
    for a, b in zip(explainer.get_weights(), loaded.get_weights(), strict=True):
        np.testing.assert_allclose(a, b, atol=1e-6)


def grey(images):
    return keras.ops.mean(images, axis=-1, keepdims=True) / 255.0


@any_kind
@pytest.mark.slow
def test_save_refuses_a_preprocessing_that_cannot_be_loaded(make, tmp_path):
    path = tmp_path / "explainer.keras"
    explainer = make(tiny_classifier(channels=1), preprocess_input=grey)
    adapted = keras.layers.Normalization()
    adapted.adapt(100 * random_images(channels=1))
    for lost in (grey, lambda images: grey(images), adapted):
        explainer.preprocess_input = lost
        with pytest.raises(ValueError, match=r"register_keras_serial.*Received: "):
            explainer.save(path)
    assert not path.exists()
    mobilenet = keras.applications.mobilenet.preprocess_input
    for kept in ("auto", "mobilenet", mobilenet, "0..1", keras.layers.Rescaling(2.0)):
        explainer.preprocess_input = kept
        explainer.save(path)
    with keras.saving.custom_object_scope({"grey": grey}):
        explainer.preprocess_input = grey
        explainer.save(path)
        loaded = keras.saving.load_model(path)
    assert loaded.preprocessing.function is grey


@any_kind
def test_a_failed_save_keeps_the_former_file(make, tmp_path, monkeypatch):
    explainer = make(tiny_classifier())
    path = tmp_path / "explainer.keras"
    explainer.save(path)
    former = path.read_bytes()

    def interrupted(model, filepath, **kwargs):
        with open(filepath, "wb") as file:
            file.write(b"half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(keras.Model, "save", interrupted)
    with pytest.raises(OSError, match="No space left"):
        explainer.save(path)
    assert path.read_bytes() == former
    assert [file.name for file in tmp_path.iterdir()] == ["explainer.keras"]
    monkeypatch.undo()
    with pytest.raises(FileExistsError, match="Received: "):
        explainer.save(path, overwrite=False)
