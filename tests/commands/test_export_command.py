"""`export`, and `explain` by the server of what was exported."""

import importlib.util
import json
import pathlib
import sys

import numpy as np
import pytest
from conftest import tiny_classifier
from PIL import Image

import keras_explainer as kx
from keras_explainer.__main__ import main

# The test servers are those of tests/serving.
sys.path.insert(0, str(pathlib.Path(__file__).parents[1] / "serving"))

from rest_server import RestServer  # noqa: E402
from served_model import ServedModel  # noqa: E402

pytestmark = pytest.mark.slow  # many traces, or a server

needs_client = pytest.mark.skipif(
    importlib.util.find_spec("tenacity") is None,
    reason="the extra `serving` is not installed",
)
NAMES = ["red fox", "cat", "dog"]


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    folder = tmp_path_factory.mktemp("saved")
    explainer = kx.ExplainerModel(
        tiny_classifier(), preprocess_input="mobilenet", class_names=NAMES
    )
    explainer.save(folder / "tiny.keras")
    return folder / "tiny.keras"


@pytest.fixture(scope="module")
def exported(saved):
    path = saved.parent / "tiny" / "1"
    argv = ["export", "--explainer", str(saved), "--out", str(path), "--top-k", "2"]
    assert main(argv) == 0
    return path


@pytest.fixture(scope="module")
def server(exported):
    with RestServer([ServedModel(exported, "tiny")]) as server:
        yield f"{server.address}/v1/models/tiny"


def test_options_reach_the_export(saved, tmp_path, capsys):
    path = tmp_path / "tiny" / "7"
    options = ["--top-k", "1", "--mask-size", "8x9", "--threshold", "0.5"]
    argv = ["export", "--explainer", str(saved), "--out", str(path), *options]
    assert main(argv) == 0
    shown = capsys.readouterr().out
    assert f"Exported {path}" in shown and "--model_name=tiny" in shown
    images = np.random.default_rng(0).uniform(0, 255, (1, 32, 32, 3))
    images = images.astype("float32")
    masks = ServedModel(path, "tiny").run("serving_default", {"images": images})[
        "masks"
    ]
    assert masks.shape == (1, 8, 9, 1) and set(np.unique(masks)) <= {0.0, 1.0}
    assert main(argv) == 2
    assert capsys.readouterr().err.startswith(
        f"error: Argument --out should be a new version, such as {tmp_path}/tiny/8"
    )


def test_a_file_for_litert(saved, tmp_path, capsys):
    path = tmp_path / "tiny.tflite"
    assert main(["export", "--explainer", str(saved), "--out", str(path)]) == 0
    assert path.read_bytes()[4:8] == b"TFL3"
    assert capsys.readouterr().out.splitlines()[-1] == f"Exported {path}"


@pytest.mark.parametrize(
    "options, sentence",
    [
        (["--mask-size", "0"], "--mask-size should be a number of pixels or HEIGHTx"),
        (["--out", "pets"], "--out should end in a version, a whole number, such as"),
        (["--explainer", "nowhere"], "--explainer should be a run folder or a saved"),
    ],
)
def test_wrong_arguments(saved, tmp_path, capsys, monkeypatch, options, sentence):
    monkeypatch.chdir(tmp_path)
    argv = ["export", "--explainer", str(saved), "--out", "1", *options]
    assert main(argv) == 2
    shown = capsys.readouterr().err.splitlines()[-1]
    assert shown.startswith(f"error: Argument {sentence}")
    assert not list(tmp_path.iterdir())


@needs_client
def test_the_server_explains_as_the_explainer_here(saved, server, tmp_path, capsys):
    levels = np.random.default_rng(0).integers(0, 256, (32, 32, 3)).astype("uint8")
    Image.fromarray(levels).save(tmp_path / "a.png")
    Image.fromarray(levels).resize((70, 50)).save(tmp_path / "b.jpg")
    (tmp_path / "broken.jpg").write_bytes(b"no picture")
    pictures = [str(tmp_path / name) for name in ("a.png", "b.jpg", "broken.jpg")]
    here, there = tmp_path / "here", tmp_path / "there"
    argv = ["explain", *pictures, "--top-k", "2", "--verify", "--out"]
    assert main([*argv, str(here), "--explainer", str(saved)]) == 0
    assert main([*argv, str(there), "--server", server]) == 0
    assert "Explained 2 pictures, skipped 1" in capsys.readouterr().out
    expected = json.loads((here / "explanations.json").read_text())
    records = json.loads((there / "explanations.json").read_text())
    for found, wanted in zip(records, expected, strict=True):
        assert (found["width"], found["height"]) == (wanted["width"], wanted["height"])
        for own, other in zip(found["classes"], wanted["classes"], strict=True):
            assert own["name"] == other["name"] and own["mask"] == other["mask"]
            for key in ("probability", "kept_probability", "removed_probability"):
                assert own[key] == pytest.approx(other[key], abs=1e-3)
            assert own["area"] == pytest.approx(other["area"], abs=0.02)
    for explained in records[0]["classes"]:
        masks = [
            np.asarray(Image.open(out / explained["mask"]), "float32")
            for out in (here, there)
        ]
        assert np.abs(masks[0] - masks[1]).max() <= 1  # levels of 255


@needs_client
def test_the_server_has_the_relevance_of_an_export_that_has_it(saved, tmp_path):
    path = tmp_path / "graded" / "1"
    argv = ["export", "--explainer", str(saved), "--out", str(path), "--relevance"]
    assert main([*argv, "--top-k", "1", "--mask-size", "32"]) == 0
    levels = np.random.default_rng(0).integers(0, 256, (32, 32, 3)).astype("uint8")
    Image.fromarray(levels).save(tmp_path / "a.png")
    argv = ["explain", str(tmp_path / "a.png"), "--top-k", "1", "--relevance", "--out"]
    here, there = tmp_path / "here", tmp_path / "there"
    assert main([*argv, str(here), "--explainer", str(saved)]) == 0
    assert main([*argv, str(there), "--server", str(path)]) == 0
    (one,), (other,) = (here.glob("*_relevance.png"), there.glob("*_relevance.png"))
    maps = [np.asarray(Image.open(file), "float32") for file in (one, other)]
    assert np.ptp(maps[0]) > 100
    assert np.abs(maps[0] - maps[1]).max() <= 1  # levels of 255


@needs_client
@pytest.mark.parametrize(
    "options, code, message",
    [
        (["--server", "localhost"], 2, "--server should be http://HOST:PORT/v1/models"),
        (["--server", "{server}", "--targets", "cat"], 2, "--targets should be left"),
        (
            ["--server", "{server}", "--refine-steps", "2"],
            2,
            "as exported. Received: 2",
        ),
        (["--server", "{server}", "--mirrored"], 2, "--mirrored should be left out"),
        (["--server", "{server}", "--relevance"], 1, "answers with masks alone"),
        (["--server", "{server}x"], 1, "answered NOT_FOUND: Servable not found for"),
        (["--server", "x", "--explainer", "y"], 2, "not be given together with"),
    ],
)
def test_wrong_servers(server, tmp_path, capsys, options, code, message):
    Image.new("RGB", (40, 30)).save(tmp_path / "a.png")
    options = [option.format(server=server) for option in options]
    argv = ["explain", str(tmp_path / "a.png"), "--out", str(tmp_path / "out")]
    assert main([*argv, *options]) == code
    shown = capsys.readouterr().err.splitlines()[-1]
    assert shown.startswith("error: ") and message in shown
    assert not (tmp_path / "out").exists()
