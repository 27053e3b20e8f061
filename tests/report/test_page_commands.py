"""`report` and `study`, from a run to a page."""

import json
from html import escape

import numpy as np
import pytest
from conftest import tiny_classifier
from pages import Page
from PIL import Image

import keras_explainer as kx
from keras_explainer.__main__ import main
from keras_explainer.loading.load_explainer import load_explainer
from keras_explainer.loading.pictures import explainer_input
from keras_explainer.loading.pictures import find_pictures
from keras_explainer.loading.pictures import read_pictures

pytestmark = pytest.mark.usefixtures("eager")


@pytest.fixture
def run(tmp_path):
    folder = tmp_path / "run"
    (folder / "examples").mkdir(parents=True)
    for seed in range(2):
        levels = np.random.default_rng(seed).integers(0, 256, (40, 60, 3))
        picture = Image.fromarray(levels.astype("uint8"))
        picture.save(folder / "examples" / f"{seed}.png")
    (folder / "config.json").write_text('{"command": "demo"}')
    (folder / "metrics.json").write_text('{"Explainer": {"iou": 0.5}}')
    (folder / "history.csv").write_text("epoch,seconds,loss\n1,2,0.75\n")
    explainer = kx.ExplainerModel(tiny_classifier(), preprocess_input="mobilenet")
    explainer.save(folder / "explainer.keras")
    return folder


@pytest.mark.slow
def test_report_and_study(run, tmp_path, capsys):
    assert main(["report", str(run)]) == 0
    page = Page((run / "report.html").read_text())
    assert [entry["name"] for entry in page.data] == ["0.png", "1.png"]
    assert [len(entry["classes"]) for entry in page.data] == [3, 3]
    pictures = read_pictures(find_pictures([str(run / "examples")]))
    explainer = load_explainer(run)
    images = explainer_input([picture for _, picture in pictures], explainer)
    found = explainer.explain(images, verify=True)
    for key, scores in (("kept", found.kept_scores), ("removed", found.removed_scores)):
        shown = [[c[key] for c in entry["classes"]] for entry in page.data]
        np.testing.assert_allclose(shown, scores, atol=1e-4)
    assert f">{escape(found.verdict())}.</b>" in (run / "report.html").read_text()
    assert main(["report", str(run)]) == 2
    assert "come with --force" in capsys.readouterr().err

    argv = ["study", "--explainers", f"{run},{run}/explainer.keras"]
    argv += ["--images", f"{run}/examples", "--out", str(tmp_path / "study")]
    assert main(argv) == 0
    key = json.loads((tmp_path / "study" / "key.json").read_text())
    assert len(key["pairs"]) == 2
    page = Page((tmp_path / "study" / "study.html").read_text())
    assert page.data["study"] == key["study"]
    # The same explainer twice: both explanations are of the same class and equal.
    assert all(pair["x"] == pair["y"] for pair in page.data["pairs"])


@pytest.mark.slow
def test_report_of_a_training_shows_what_it_was_validated_on(run):
    config = {"command": "train", "dataset": "shapes", "data": None, "seed": 3}
    config |= {"image_size": None, "batch_size": 4, "limit": 2, "classes": None}
    (run / "config.json").write_text(json.dumps(config))
    explainer = kx.ExplainerModel(tiny_classifier(8), preprocess_input="mobilenet")
    explainer.save(run / "explainer.keras")
    assert main(["report", str(run)]) == 0
    page = Page((run / "report.html").read_text())
    assert [entry["name"] for entry in page.data] == ["image 1", "image 2"]


@pytest.mark.slow
def test_report_of_a_training_on_files_has_their_names(run):
    config = {"command": "train", "dataset": "folder", "data": str(run), "seed": 3}
    config |= {"image_size": None, "batch_size": 4, "limit": None, "classes": None}
    config |= {"split": "examples", "validation_split": None, "augment": False}
    (run / "config.json").write_text(json.dumps(config))
    (run / "examples" / "0.png").write_bytes(b"broken since")
    assert main(["report", str(run), "--limit", "2"]) == 0
    page = Page((run / "report.html").read_text())
    assert [entry["name"] for entry in page.data] == ["1.png"]


def test_errors(tmp_path, capsys):
    assert main(["report", str(tmp_path / "gone")]) == 2
    assert "Argument RUN should be" in capsys.readouterr().err
    (tmp_path / "config.json").write_text('{"command": "evaluate"}')
    (tmp_path / "metrics.json").write_text("{}")
    assert main(["report", str(tmp_path)]) == 2
    assert "of another command" in capsys.readouterr().err
    argv = ["study", "--images", "x", "--out", str(tmp_path / "out"), "--explainers"]
    assert main([*argv, "a,a"]) == 2
    assert "two different explainers. Received: a,a" in capsys.readouterr().err
    assert main([*argv, "a,b"]) == 2
    assert "Argument --explainers should be" in capsys.readouterr().err
