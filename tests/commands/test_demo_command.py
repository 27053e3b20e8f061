"""`demo`: the whole story, here with a tiny classifier and very few pictures."""

import json

import pytest
from conftest import tiny_classifier
from PIL import Image

from keras_explainer.__main__ import main
from keras_explainer.commands import demo
from keras_explainer.loading import load_classifier

pytestmark = pytest.mark.usefixtures("eager")


@pytest.fixture
def tiny_demo(tmp_path, monkeypatch):
    """Puts a tiny classifier in the place of the shipped one."""
    classifier = tiny_classifier(8, "sigmoid")
    # By this name its preprocessing is recognised as that of MobileNet.
    classifier.layers[1].name = "conv_dw_13"
    path = tmp_path / "shapes_classifier.keras"
    classifier.save(path)
    monkeypatch.setattr(load_classifier, "shipped_model", lambda name: path)
    monkeypatch.setattr(demo, "HELD_OUT", 2)
    monkeypatch.setattr(demo, "BATCH_SIZE", 2)
    monkeypatch.setattr(demo, "EXAMPLE_PICTURES", 2)


@pytest.mark.slow
def test_demo(tiny_demo, tmp_path, capsys):
    out = tmp_path / "demo"
    argv = ["demo", "--out", str(out), "--epochs", "1", "--steps", "1"]
    assert main(argv) == 0
    shown = capsys.readouterr().out
    methods = ["Explainer", "Grad-CAM", "Explainer, untrained", "all ones"]
    for method in methods:
        assert f"│ {method}" in shown
    assert "Training an explainer on 2 pictures" in shown
    assert "cat.jpg: Egyptian_cat 0.8" in shown
    assert f"keras-explainer explain --explainer {out} {out}/examples" in shown
    assert {path.name for path in out.iterdir()} == {
        *("config.json", "history.csv", "metrics.json", "explainer.keras"),
        *("pictures", "examples"),
    }
    figures = json.loads((out / "metrics.json").read_text())
    assert [name.split(", at")[0] for name in figures] == methods
    for method in figures.values():
        assert set(method) == {"class_iou", "iou", "accuracy"}
        assert all(0 <= figure <= 1 for figure in method.values())
    pictures = {path.name for path in (out / "pictures").iterdir()}
    assert pictures == {"gallery.png", "photographs.png"}
    with Image.open(out / "examples" / "shapes_1.png") as image:
        assert image.size == (32, 32)

    assert main(argv) == 2
    assert "--force" in capsys.readouterr().err

    # What it says to type next works as it stands.
    (line,) = [line for line in shown.splitlines() if f"--explainer {out}" in line]
    assert main(line.split()[1:]) == 0
    assert (tmp_path / "demo_explained" / "shapes_2_overlay.png").exists()
