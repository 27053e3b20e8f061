"""Finding classifiers and explainers by name or path."""

import keras
import numpy as np
import pytest
from conftest import tiny_classifier

import keras_explainer as kx
from keras_explainer.command_line.command_error import CommandError
from keras_explainer.command_line.command_error import UsageError
from keras_explainer.loading.class_names import read_class_names
from keras_explainer.loading.load_classifier import load_classifier
from keras_explainer.loading.load_explainer import find_explainer
from keras_explainer.loading.load_explainer import load_explainer

pytestmark = pytest.mark.usefixtures("eager")


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    """A folder with a classifier, an explainer, a run, and what is neither."""
    folder = tmp_path_factory.mktemp("saved")
    classifier = tiny_classifier()
    classifier.save(folder / "classifier.keras")
    explainer = kx.ExplainerModel(classifier, class_names=["a", "b", "c"])
    (folder / "run").mkdir()
    explainer.save(folder / "run" / "explainer.keras")
    (folder / "notes.txt").write_text("no model")
    (folder / "broken.keras").write_text("no model either")
    return folder


def test_classifier_from_file(saved):
    classifier = load_classifier(str(saved / "classifier.keras"))
    assert classifier.output_shape == (None, 3)


@pytest.mark.parametrize("load", [load_classifier, load_explainer])
@pytest.mark.parametrize("suffix", [".h5", ".H5", ".hdf5"])
def test_formats_that_may_run_code_are_not_read(saved, monkeypatch, load, suffix):
    path = saved / f"stranger{suffix}"
    path.write_bytes(b"\x89HDF\r\n\x1a\n")
    monkeypatch.setattr(keras.saving, "load_model", lambda *args, **options: 1 / 0)
    with pytest.raises(UsageError) as raised:
        load(str(path))
    told = str(raised.value)
    assert f"Received: {path}, which can run code as it is loaded; if you" in told
    # What it says to do does so.
    monkeypatch.undo()
    if suffix == ".h5":
        tiny_classifier().save(path)
        exec(told.partition("write it anew: ")[2], {"keras": keras})
        loaded = load_classifier(str(saved / "stranger.keras"))
        assert loaded.output_shape == (None, 3)


@pytest.mark.slow
def test_explainer_from_file_or_run(saved):
    run, file = (
        load_explainer(saved / "run"),
        load_explainer(saved / "run/explainer.keras"),
    )
    assert run.class_names == file.class_names == ["a", "b", "c"]


@pytest.mark.parametrize(
    "name, message",
    [
        ("missing.keras", "which is not a file"),
        ("broken.keras", "which Keras cannot load"),
        ("run/explainer.keras", "which is an explainer already"),
        ("run", "which is not a file"),
    ],
)
def test_no_classifier(saved, name, message):
    with pytest.raises(UsageError, match="Argument --classifier .*Received: ") as info:
        load_classifier(f"{saved}/{name}")
    assert message in str(info.value)


@pytest.mark.parametrize(
    "name, message",
    [
        ("missing", "which does not exist"),
        (".", "which holds no explainer.keras"),
        ("notes.txt", "which Keras cannot load"),
        ("broken.keras", "which Keras cannot load"),
        ("classifier.keras", "which holds 'tiny', a plain model"),
    ],
)
def test_no_explainer(saved, name, message):
    with pytest.raises(UsageError, match="Argument --explainer .*Received: ") as info:
        load_explainer(saved / name)
    assert message in str(info.value)
    assert "\n" not in str(info.value)


@pytest.mark.parametrize(
    "name, constructor",
    [
        ("mobilenet_v2", "MobileNetV2"),
        ("MobileNetV2", "MobileNetV2"),
        ("resnet50", "ResNet50"),
        ("efficientnet_v2_b0", "EfficientNetV2B0"),
        ("convnext_tiny", "ConvNeXtTiny"),
    ],
)
def test_applications_by_name(monkeypatch, name, constructor):
    asked = []
    monkeypatch.setattr(
        keras.applications, constructor, lambda weights: asked.append(weights)
    )
    load_classifier(name)
    assert asked == ["imagenet"]


def test_unknown_application_suggests_one():
    with pytest.raises(
        UsageError, match=r"such as MobileNetV2\). Received: mobilnetv2"
    ):
        load_classifier("mobilnetv2")


def test_weights_that_cannot_be_downloaded(monkeypatch):
    def fail(weights):
        raise Exception("URL fetch failure:\nno route to host")

    fail.__name__ = "MobileNetV2"
    monkeypatch.setattr(keras.applications, "MobileNetV2", fail)
    with pytest.raises(CommandError) as info:
        load_classifier("mobilenet_v2")
    assert info.value.exit_code == 1
    assert "MobileNetV2 could not be downloaded" in str(info.value)
    assert "path of a .keras file" in str(info.value)
    assert str(info.value).endswith("Received: URL fetch failure: no route to host")


def test_shipped_classifier_by_its_name():
    assert load_classifier("shapes").name == "shapes_classifier"


@pytest.mark.parametrize(
    ("name", "file"),
    [
        ("imagenet", "mobilenet_v2_imagenet"),
        ("mobilenet_v2_imagenet", "mobilenet_v2_imagenet"),
        ("shapes", "shapes_explainer"),
        ("shapes_explainer", "shapes_explainer"),
    ],
)
def test_shipped_explainers_by_their_names(tmp_path, monkeypatch, name, file):
    """A run of one's own comes before them, a folder of photographs does not."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / name).mkdir()
    assert find_explainer(name) == kx.shipped_model(file)
    own = tmp_path / name / "explainer.keras"
    own.write_bytes(b"of one's own")
    assert find_explainer(name).resolve() == own


def test_a_package_without_its_models_names_the_folders(monkeypatch, tmp_path):
    monkeypatch.setattr("keras_explainer.shipped_models._FOLDERS", (tmp_path / "gone",))
    with pytest.raises(FileNotFoundError, match="Received: no .keras file in .*gone;"):
        kx.shipped_model("shapes_classifier")


def test_load_takes_names_and_paths(saved):
    assert kx.load("shapes").name == "shapes_classifier_explainer"
    for path in (saved / "run", str(saved / "run/explainer.keras")):
        assert kx.load(path).class_names == ["a", "b", "c"]


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("imagenet1k", "package: imagenet, mobilenet_v2_imagenet, shapes, shapes_expl"),
        ("shapes_classifier", "which does not exist"),
        ("classifier.keras", "which holds 'tiny', a plain model"),
        ("notes.txt", "which Keras cannot load"),
    ],
)
def test_load_refuses_what_is_no_explainer(saved, monkeypatch, name, message):
    monkeypatch.chdir(saved)
    expected = "^Argument `name_or_path` should be .* Received: "
    with pytest.raises(ValueError, match=expected) as raised:
        kx.load(name)
    assert message in str(raised.value) and "\n" not in str(raised.value)


def test_class_names_from_list_and_file(tmp_path):
    assert read_class_names("cat, dog", 2) == ["cat", "dog"]
    file = tmp_path / "names.txt"
    file.write_text("tabby, tabby cat\n\ncafé\n", encoding="utf-8")
    assert read_class_names(str(file), 2) == ["tabby, tabby cat", "café"]
    with pytest.raises(UsageError, match="--class-names .* 3 names.* Received: 2"):
        read_class_names("cat,dog", 3)
    assert read_class_names("dog", 2, is_binary=True) == ["dog"]
    with pytest.raises(UsageError, match="2 names.* Received: 1"):
        read_class_names("dog", 2)


@pytest.mark.slow
def test_reloaded_explainer_gives_the_same_masks(saved):
    images = np.random.default_rng(0).uniform(-1, 1, (2, 32, 32, 3)).astype("float32")
    masks = [load_explainer(saved / "run").explain(images).masks for _ in range(2)]
    np.testing.assert_array_equal(*masks)
