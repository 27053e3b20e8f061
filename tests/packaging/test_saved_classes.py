"""Saved classes are found after a plain import, whatever the command line says."""

import importlib
import json
import pathlib
import subprocess
import sys
import zipfile

import keras
import numpy as np
import pytest
from conftest import tiny_classifier

import keras_explainer as kx
from keras_explainer import saved_classes
from keras_explainer.shipped_models import shipped_model

# The package first, so that Keras is imported after it; with -m keras_explainer among
# the arguments, which told nothing but where the command line was.
LOAD = """
import sys
import keras_explainer
assert not {"keras", "tensorflow", "numpy"} & set(sys.modules)
import keras
explainer = keras.saving.load_model(keras_explainer.shipped_model("shapes_explainer"))
assert type(explainer) is keras_explainer.ExplainerModel, type(explainer)
"""


@pytest.fixture
def stand_ins(monkeypatch):
    """Puts the stand-ins in the place of the classes, as before these are imported."""
    registered = keras.saving.get_custom_objects()
    for name in saved_classes.PLACES:
        stand_in = saved_classes.stand_in(name)
        monkeypatch.setitem(registered, f"keras_explainer>{name}", stand_in)


def test_every_registered_class_has_a_place():
    package = pathlib.Path(kx.__file__).parent
    for path in package.rglob("*.py"):
        if "@keras.saving.register_keras_serializable(" in path.read_text():
            module = path.relative_to(package.parent).with_suffix("")
            importlib.import_module(".".join(module.parts))
    registered = {
        name.partition(">")[2]: value
        for name, value in keras.saving.get_custom_objects().items()
        if value.__module__.startswith("keras_explainer.")
        and value.__module__ != saved_classes.__name__
    }
    assert set(saved_classes.PLACES) == set(registered)
    assert set(saved_classes.FORMER_NAMES.values()) <= set(registered)
    assert not set(saved_classes.FORMER_NAMES) & set(registered)
    for name, value in registered.items():
        stand_in = saved_classes.stand_in(name)
        config = {"layer": {}}
        assert stand_in.__name__ == name and hasattr(stand_in, "from_config")
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(value, "from_config", lambda given: given, raising=False)
            assert stand_in.from_config(config) is config


@pytest.mark.slow
def test_stand_ins_load_what_is_shipped(stand_ins):
    explainer = keras.saving.load_model(shipped_model("shapes_explainer"))
    assert type(explainer) is kx.ExplainerModel
    assert isinstance(explainer.frozen, kx.classifiers.FrozenClassifier)


def test_a_stand_in_is_called_like_its_class(stand_ins):
    metric = keras.saving.get_registered_object("keras_explainer>ThresholdAveragedIoU")(
        name="iou"
    )
    assert type(metric) is kx.metrics.ThresholdAveragedIoU and metric.name == "iou"
    loss = keras.saving.deserialize_keras_object(
        keras.saving.serialize_keras_object(kx.ExplainerLoss(overlap_weight=0.4))
    )
    assert type(loss) is kx.ExplainerLoss and loss.overlap_weight == 0.4


EXPLAINERS = {"BoundedLogitAttention", "L2X", "RealTimeSaliency"}


@pytest.mark.parametrize("former", sorted({*saved_classes.FORMER_NAMES} - EXPLAINERS))
def test_a_class_in_a_file_of_an_earlier_version_is_found(former):
    saved = {
        "module": "keras_explainer.metrics.gone",
        "class_name": former,
        "config": {"name": "mine", "dtype": "float32"},
        "registered_name": f"keras_explainer>{former}",
    }
    metric = keras.saving.deserialize_keras_object(saved)
    name = saved_classes.FORMER_NAMES[former]
    assert type(metric) is getattr(kx.metrics, name) and metric.name == "mine"


@pytest.mark.parametrize("former", sorted(EXPLAINERS))
def test_an_explainer_in_a_file_of_an_earlier_version_is_found(former, tmp_path):
    name = saved_classes.FORMER_NAMES[former]
    explainer = getattr(kx, name)(tiny_classifier(size=16))
    explainer.save(tmp_path / "now.keras")
    with (
        zipfile.ZipFile(tmp_path / "now.keras") as now,
        zipfile.ZipFile(tmp_path / "former.keras", "w") as then,
    ):
        for part in now.namelist():
            content = now.read(part)
            if part == "config.json":
                config = json.loads(content)
                assert config["registered_name"] == f"keras_explainer>{name}"
                config["registered_name"] = f"keras_explainer>{former}"
                config["class_name"] = former
                config["module"] = "keras_explainer.explainers.gone"
                content = json.dumps(config)
            then.writestr(part, content)
    loaded = keras.saving.load_model(tmp_path / "former.keras")
    assert type(loaded) is type(explainer)
    for one, other in zip(loaded.get_weights(), explainer.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.slow  # imports TensorFlow once more
def test_a_script_loads_an_explainer_whatever_its_arguments():
    command = [sys.executable, "-c", LOAD, "-m", "keras_explainer"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    "export, what",
    [
        (kx.serving.export_saved_model, "SavedModel"),
        (kx.serving.export_litert, "LiteRT"),
    ],
)
def test_what_is_tensorflows_own_says_so(export, what, monkeypatch):
    monkeypatch.setattr(keras.backend, "backend", lambda: "jax")
    with pytest.raises(RuntimeError, match=f"{what}.* on TensorFlow.*Received: jax"):
        export(None, "mine/1")


def test_a_model_that_is_not_shipped():
    with pytest.raises(ValueError, match="shapes_classifier.*Received: name='cats'"):
        kx.shipped_model("cats")
