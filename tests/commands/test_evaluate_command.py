"""`evaluate`: whole and interrupted runs, failing methods, and bad arguments."""

import csv
import json

import keras
import numpy as np
import pytest
from conftest import tiny_classifier
from PIL import Image

import keras_explainer as kx
from keras_explainer.__main__ import main
from keras_explainer.evaluation import METHOD_ROWS
from keras_explainer.evaluation import evaluate_methods
from keras_explainer.runs.evaluation_progress import EvaluationProgress

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("eager")]
RESULT = {
    "class_discrimination.png",
    "config.json",
    "curves.png",
    "gallery.png",
    "measured",
    "results.json",
    "table.csv",
    "table.md",
}


@pytest.fixture(scope="module")
def explainers(tmp_path_factory):
    folder = tmp_path_factory.mktemp("explainers")
    keras.utils.set_random_seed(0)
    for name, classifier in {
        "shapes": tiny_classifier(8, "sigmoid"),
        "two": tiny_classifier(2),
    }.items():
        kx.ExplainerModel(classifier, preprocess_input="mobilenet").save(
            folder / f"{name}.keras"
        )
    return folder


@pytest.fixture(autouse=True)
def coarse_curves(monkeypatch):
    """Few steps of insertion and deletion."""

    def evaluate_coarsely(*args, **kwargs):
        return evaluate_methods(*args, step_share=0.25, **kwargs)

    monkeypatch.setattr(
        "keras_explainer.evaluation.evaluate_methods", evaluate_coarsely
    )


def evaluate(explainer, out, *argv, dataset="shapes", methods="grad_cam,ideal"):
    return [
        *("evaluate", "--explainer", str(explainer), "--out", str(out)),
        *("--dataset", dataset, "--methods", methods, "--limit", "3"),
        *("--batch-size", "2", "--discrimination-limit", "2", *map(str, argv)),
    ]


def content(folder):
    return {path.name for path in folder.iterdir()}


def without_seconds(result):
    content = json.loads((result / "results.json").read_text())
    for method in content["methods"].values():
        del method["seconds_per_image"]
    return content


def test_interrupted_run_ends_like_one_that_was_not(
    explainers, tmp_path, capsys, monkeypatch
):
    whole, parted = tmp_path / "whole", tmp_path / "parted"
    explainer = explainers / "shapes.keras"
    assert main(evaluate(explainer, whole)) == 0
    assert content(whole) == RESULT
    assert content(whole / "measured") == {"grad_cam.npz", "ideal.npz"}
    shown = capsys.readouterr().out
    assert "images: 3 of shapes drawn on the fly" in shown
    assert "discrimination gap: of the first 2 images." in shown
    lines = [line.split() for line in shown.splitlines()]
    assert ["true", "mask", "3", "1.000"] in [line[:4] for line in lines]
    with open(whole / "table.csv", encoding="utf-8") as file:
        rows = {row["method"]: row for row in csv.DictReader(file)}
    assert float(rows["ideal"]["iou_mean"]) == 1 and rows["grad_cam"]["images"] == "3"
    assert float(rows["grad_cam"]["passes_mean"]) >= 1
    for name in ("curves", "class_discrimination", "gallery"):
        with Image.open(whole / f"{name}.png") as picture:
            assert min(picture.size) > 200

    update = EvaluationProgress.update

    def update_and_stop(self, name, images):
        update(self, name, images)
        if (name, images) == ("ideal", 2):
            raise KeyboardInterrupt

    monkeypatch.setattr(EvaluationProgress, "update", update_and_stop)
    assert main(evaluate(explainer, parted)) == 130
    told = capsys.readouterr().err.splitlines()[-1]
    assert told.startswith("Interrupted after images of grad_cam, ideal; to continue: ")
    assert told.endswith(" --resume")
    assert content(tmp_path) == {"whole", "parted.partial"}
    monkeypatch.setattr(EvaluationProgress, "update", update)
    assert main(evaluate(explainer, parted)) == 2
    assert main(evaluate(explainer, parted, "--seed", 1, "--resume")) == 2
    assert main(evaluate(explainer, parted, "--resume")) == 0
    assert content(tmp_path) == {"whole", "parted"} and content(parted) == RESULT
    assert without_seconds(whole) == without_seconds(parted)


def test_a_picture_that_fails_loses_no_figure(
    explainers, tmp_path, capsys, monkeypatch
):
    """And other batches than before an interruption lose no image."""

    def fail(*args):
        raise StopIteration

    def stop(*args):
        raise KeyboardInterrupt

    out, explainer = tmp_path / "out", explainers / "shapes.keras"
    module = "keras_explainer.runs.evaluation_files.curves_figure"
    monkeypatch.setattr(module, stop)
    assert main(evaluate(explainer, out, methods="one")) == 130
    monkeypatch.setattr(module, fail)
    assert main(evaluate(explainer, out, "--seed", 1, "--resume", methods="one")) == 2
    capsys.readouterr()
    argv = evaluate(explainer, out, "--resume", "--batch-size", 3, methods="one")
    assert main(argv) == 0
    told = capsys.readouterr().err.splitlines()[-1]
    assert told == "warning: left out curves.png: StopIteration: no message"
    # One control alone has no class discrimination.
    assert content(out) == RESULT - {"curves.png", "class_discrimination.png"}
    with open(out / "table.csv", encoding="utf-8") as file:
        assert [row["images"] for row in csv.DictReader(file)] == ["3"]


def test_failing_method_and_published_protocol(
    explainers, tmp_path, capsys, monkeypatch
):
    def fail(*args):
        raise ValueError("No such luck")

    failing = METHOD_ROWS["rise"]._replace(build=fail)
    monkeypatch.setitem(METHOD_ROWS, "rise", failing)
    argv = evaluate(
        explainers / "shapes.keras",
        tmp_path / "out",
        *("--protocol", "published", "--slow-limit", 1),
        methods="rise,one",
    )
    assert main(argv) == 0
    shown = capsys.readouterr().out
    assert "RISE failed: No such luck" in shown
    assert "the first 1 images only: RISE." in shown
    assert "protocol published, with its accidents:\n- removed pixels are 0" in shown
    table = (tmp_path / "out" / "table.md").read_text()
    assert "| RISE | failed |" in table and "not reproduced:\n- dropout" in table

    assert main(evaluate(explainers / "shapes.keras", tmp_path / "no", methods="rise"))
    assert "can be measured. Received: rise (RISE failed" in capsys.readouterr().err
    assert content(tmp_path) == {"out"}


def test_folder_without_labels(explainers, tmp_path, capsys):
    (tmp_path / "photos").mkdir()
    for number in range(3):
        pixels = np.random.default_rng(number).integers(0, 255, (40, 50, 3), "uint8")
        Image.fromarray(pixels).save(tmp_path / "photos" / f"{number}.png")
    argv = ("--data", tmp_path / "photos")
    out = tmp_path / "out"
    arguments = evaluate(explainers / "two.keras", out, *argv, dataset="folder")
    assert main(arguments) == 0
    shown = capsys.readouterr().out
    assert "explained: the classifier's own predictions" in shown
    assert "true mask failed: The data has no true masks" in shown
    assert "IoU" not in (out / "table.md").read_text().splitlines()[0]


@pytest.mark.parametrize(
    "name, argv, message",
    [
        ("none", (), "--explainer should be a run folder or a saved explainer"),
        ("shapes", ("--methods", "cam"), "--methods should be names out of"),
        ("shapes", ("--data", "."), "--data should be left out with --dataset shapes"),
        ("shapes", ("--dataset", "voc"), "--data should be an existing folder"),
        ("two", (), "--classes should name the 2 classes of the classifier"),
        ("two", ("--slow-limit", "0"), "--slow-limit should be a whole number from 1"),
    ],
)
def test_bad_arguments(explainers, tmp_path, capsys, name, argv, message):
    out = tmp_path / "out"
    assert main(evaluate(explainers / f"{name}.keras", out, *argv)) == 2
    told = capsys.readouterr().err.splitlines()[-1]
    assert told.startswith("error: Argument ") and message in told
    assert "Received: " in told
    assert content(tmp_path) == set()
