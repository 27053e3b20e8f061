"""Classifiers with a preprocessing, functions and layers of the user's own."""

import json
import sys

import keras
import numpy as np
import pytest
from conftest import tiny_classifier
from keras import layers
from PIL import Image

import keras_explainer as kx
from keras_explainer.__main__ import build_parser
from keras_explainer.__main__ import main
from keras_explainer.command_line.command_error import UsageError
from keras_explainer.command_line.preprocessing_arguments import preprocessing_of
from keras_explainer.loading.load_explainer import load_explainer

MODULE = """
import keras

@keras.saving.register_keras_serializable("{name}")
def to01(images):
    return images / 255.0
"""


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Pictures, a classifier of images in [0, 1], and a folder to start commands in."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "photos").mkdir()
    levels = np.random.default_rng(0).integers(0, 256, (2, 32, 32, 3)).astype("uint8")
    for number, picture in enumerate(levels):
        Image.fromarray(picture).save(tmp_path / "photos" / f"{number}.png")
    return tmp_path


def train(classifier, *argv, out="run"):
    given = ["--classifier", classifier, "--dataset", "folder", "--data", "photos"]
    return main(["train", *given, "--epochs", "1", "--out", out, *argv])


def probabilities(folder):
    records = json.loads((folder / "explanations.json").read_text())
    return [
        [c["probability"] for c in sorted(record["classes"], key=lambda c: c["class"])]
        for record in records
    ]


def arguments(*argv):
    argv = ["train", "--classifier", "c", "--dataset", "shapes", "--out", "o", *argv]
    return build_parser().parse_args(argv)


@pytest.mark.parametrize(
    "argv, low, high",
    [
        (("--preprocess-input", "0..1"), 0, 1),
        (("--preprocess-input", "-1..1"), -1, 1),
        (("--scale", "1/255"), 0, 1),
        (("--scale", "0.5", "--offset", "-10"), -10, 117.5),
        (("--scale", "-1/255", "--offset", "1"), 1, 0),
    ],
)
def test_ranges_and_scales(argv, low, high):
    preprocess_input = preprocessing_of(arguments(*argv))
    explainer = kx.ExplainerModel(tiny_classifier(), preprocess_input=preprocess_input)
    ends = np.array([0, 255], "float32")[:, None, None, None] * np.ones((1, 2, 2, 3))
    found = explainer.preprocessing(ends.astype("float32"))[:, 0, 0, 0]
    np.testing.assert_allclose(found, [low, high], atol=1e-5)
    assert explainer.preprocessing.input_range == pytest.approx(sorted([low, high]))


@pytest.mark.parametrize(
    "argv, message",
    [
        (("--preprocess-input", "0..1", "--scale", "2"), "--scale should be left out"),
        (("--offset", "2"), "--offset should come with --scale"),
        (("--scale", "1/0"), "--scale should be a number, or a fraction"),
        (("--dataset", "vox"), "--dataset should be voc, coco, folder, shapes or tfds"),
    ],
)
def test_contradictions(argv, message):
    with pytest.raises(UsageError, match=message):
        preprocessing_of(arguments(*argv))


@pytest.mark.slow
@pytest.mark.usefixtures("eager")
def test_a_function_of_a_module_serves_training_and_explaining(folder, capsys):
    classifier = tiny_classifier()
    classifier.save("c.keras")
    (folder / "mine_1.py").write_text(MODULE.format(name="mine_1"))
    assert train("c.keras") == 2
    told = capsys.readouterr().err.splitlines()[-1]
    assert told.startswith("error: Argument --preprocess-input should say ")
    assert "0..1, -1..1, identity" in told and len(told) < 250
    own = ("--preprocess-input", "mine_1>to01", "--import", "mine_1.py")
    assert train("c.keras", *own) == 0
    assert "pixels      by a function of the user's, from 0 to 1" in (
        capsys.readouterr().out
    )
    # In another process nothing of it is known.
    keras.saving.get_custom_objects().pop("mine_1>to01")
    del sys.modules["mine_1"]
    explain = ["explain", "photos", "--explainer", "run", "--out", "explained"]
    assert main(explain) == 2
    told = capsys.readouterr().err.splitlines()[-1]
    assert told.endswith(
        "Keras cannot load (it needs mine_1>to01, of its author's own: --import MODULE)"
    )
    assert main([*explain, "--import", "mine_1.py"]) == 0
    pictures = [np.asarray(Image.open(f"photos/{i}.png")) for i in range(2)]
    expected = classifier.predict(np.stack(pictures) / 255.0, verbose=0)
    np.testing.assert_allclose(probabilities(folder / "explained"), expected, atol=1e-5)


@pytest.mark.slow
@pytest.mark.usefixtures("eager")
def test_code_in_a_file_is_run_only_if_it_is_trusted(folder, capsys):
    images = keras.Input((32, 32, 3))
    x = layers.Lambda(lambda x: x / 255.0)(images)
    x = layers.GlobalAveragePooling2D()(layers.Conv2D(4, 3, strides=2)(x))
    classifier = keras.Model(images, layers.Dense(3, activation="softmax")(x))
    kx.ExplainerModel(classifier).save("e.keras")
    explain = ["explain", "photos", "--explainer", "e.keras", "--out", "explained"]
    assert main(explain) == 2
    told = capsys.readouterr().err.splitlines()[-1]
    assert told.endswith(
        "(it holds code, such as a lambda: --safe-mode false if you trust it)"
    )
    assert main([*explain, "--safe-mode", "false", "--class-names", "a,b,c"]) == 0
    assert ": a 0." in capsys.readouterr().out.replace("b ", "a ").replace("c ", "a ")
    pictures = [np.asarray(Image.open(f"photos/{i}.png")) for i in range(2)]
    expected = classifier.predict(np.stack(pictures).astype("float32"), verbose=0)
    found = probabilities(folder / "explained")
    np.testing.assert_allclose(found, expected, atol=1e-5)


@pytest.mark.slow
@pytest.mark.usefixtures("eager")
def test_explain_keeps_the_size_that_train_was_given(folder):
    tiny_classifier(size=None).save("c.keras")
    argv = ("--image-size", "48", "--preprocess-input", "-1..1")
    assert train("c.keras", *argv) == 0
    explainer = load_explainer("run")
    assert explainer.frozen.image_shape == (48, 48, 3)
    picture = Image.open("photos/0.png").resize((48, 48), Image.Resampling.BILINEAR)
    ready = np.asarray(picture)[None] / 127.5 - 1.0
    expected = explainer.classifier.predict(ready, verbose=0)
    explain = ["explain", "photos/0.png", "--explainer", "run", "--out", "explained"]
    assert main(explain) == 0
    found = probabilities(folder / "explained")
    np.testing.assert_allclose(found, expected, atol=1e-5)


@pytest.mark.slow
@pytest.mark.usefixtures("eager")
def test_grey_classifiers_take_files(folder):
    classifier = tiny_classifier(channels=1)
    classifier.save("c.keras")
    assert train("c.keras", "--preprocess-input", "0..1") == 0
    explain = ["explain", "photos", "--explainer", "run", "--out", "explained"]
    assert main(explain) == 0
    pictures = [Image.open(f"photos/{i}.png").convert("L") for i in range(2)]
    grey = np.stack([np.asarray(picture) for picture in pictures])[..., None] / 255.0
    expected = classifier.predict(grey, verbose=0)
    found = probabilities(folder / "explained")
    # Pillow rounds grey levels.
    np.testing.assert_allclose(found, expected, atol=2e-3)
