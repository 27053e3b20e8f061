"""Shipped models hold nothing that an older Keras refuses."""

import importlib
import json
import pathlib
import zipfile

import keras
import numpy as np
import pytest
from conftest import random_images
from conftest import tiny_classifier

FOLDER = pathlib.Path(__file__).parents[2] / "saved_models"
SHIPPED = sorted(FOLDER.rglob("*.keras"))


@pytest.fixture
def module(monkeypatch):
    monkeypatch.syspath_prepend(FOLDER)
    return importlib.import_module("make_portable")


def read_config(path):
    with zipfile.ZipFile(path) as file:
        return json.loads(file.read("config.json"))


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.name)
def test_shipped_file(module, path):
    config = read_config(path)
    assert module.without_newer_options(config) == config


def test_predictions_stay_the_same(module, tmp_path):
    classifier, images = tiny_classifier(), random_images()
    path = tmp_path / "classifier.keras"
    classifier.save(path)
    module.make_portable(path)
    text = json.dumps(read_config(path))
    assert not [name for name in module.NEWER_OPTIONS if f'"{name}"' in text]
    loaded = keras.saving.load_model(path)
    np.testing.assert_array_equal(loaded(images), classifier(images))
    assert [file.name for file in tmp_path.iterdir()] == [path.name]


def test_options_in_use_are_kept_and_the_file_too(module, tmp_path):
    path = tmp_path / "renormalized.keras"
    with zipfile.ZipFile(path, "w") as file:
        layer = {"name": "renormalized", "renorm": True}
        file.writestr("config.json", json.dumps({"config": {"layers": [layer]}}))
    before = path.read_bytes()
    with pytest.raises(ValueError, match="`renorm` should be False.*in renormalized"):
        module.make_portable(path)
    assert path.read_bytes() == before
    assert [file.name for file in tmp_path.iterdir()] == [path.name]
