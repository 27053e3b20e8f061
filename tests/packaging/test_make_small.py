"""A small file of an explainer holds half of the digits, and nothing else changes."""

import importlib
import io
import pathlib
import zipfile

import h5py
import keras
import numpy as np
import pytest
from conftest import random_images
from conftest import tiny_classifier

import keras_explainer as kx

FOLDER = pathlib.Path(__file__).parents[2] / "saved_models"
pytestmark = pytest.mark.usefixtures("eager")


@pytest.fixture
def module(monkeypatch):
    monkeypatch.syspath_prepend(FOLDER)
    found = importlib.import_module("make_small")
    monkeypatch.setattr(found, "LARGE", 500)
    return found


def stored(path):
    """Returns the type and the shape of everything in the file's weights."""
    with zipfile.ZipFile(path) as file:
        content = io.BytesIO(file.read("model.weights.h5"))
    found = {}

    def note(name, item):
        if isinstance(item, h5py.Dataset):
            found[name] = (item.dtype, item.shape)

    with h5py.File(content) as file:
        file.visititems(note)
    return found


def test_large_kernels_are_halved_and_loaded_as_float32(module, tmp_path):
    names = ["a", "b", "c"]
    loss = kx.ExplainerLoss(overlap_weight=2.0)
    explainer = kx.ExplainerModel(tiny_classifier(), class_names=names)
    explainer.compile(loss=loss, single_label=0.25)
    images = random_images()
    explainer.fit(images, batch_size=2, verbose=0)
    path, small = tmp_path / "explainer.keras", tmp_path / "small.keras"
    explainer.save(path)
    before = path.read_bytes()
    module.make_small(path, small)
    assert path.read_bytes() == before

    whole, halved = stored(path), stored(small)
    assert whole.keys() == halved.keys()
    for name, (dtype, shape) in whole.items():
        is_large = len(shape) > 1 and np.prod(shape) >= 500
        expected = np.float16 if is_large else dtype
        assert halved[name] == (expected, shape), name
    assert np.dtype("float16") in {dtype for dtype, _ in halved.values()}

    loaded = keras.saving.load_model(small)
    assert {weight.dtype for weight in loaded.trainable_variables} == {"float32"}
    for new, old in zip(loaded.trainable_variables, explainer.trainable_variables):
        np.testing.assert_allclose(new, old, rtol=1e-3, atol=1e-7)
    assert loaded.class_names == names
    assert loaded.explainer_loss.get_config() == loss.get_config()
    assert vars(loaded.draws) == vars(explainer.draws)
    assert [int(x.optimizer.iterations) for x in (explainer, loaded)] == [2, 0]
    masks = [x.explain(images).masks for x in (explainer, loaded)]
    np.testing.assert_allclose(*masks, atol=1e-2)
