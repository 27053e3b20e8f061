"""The short scripts, run as they are printed."""

import pathlib
import runpy

import keras
import pytest
from PIL import Image

EXAMPLES = pathlib.Path(__file__).parents[2] / "examples"

pytestmark = pytest.mark.slow  # Each trains an Explainer.


@pytest.fixture
def project(monkeypatch, tmp_path):
    """A folder with the project's models, as the current one."""
    (tmp_path / "saved_models").symlink_to(EXAMPLES.parent / "saved_models")
    monkeypatch.syspath_prepend(EXAMPLES)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.thorough  # `make test` runs the same as a block of the README
def test_quickstart(project, capsys):
    names = runpy.run_path(str(EXAMPLES / "quickstart.py"))
    assert capsys.readouterr().out.endswith("See runs/quickstart.png\n")
    assert Image.open("runs/quickstart.png").width > 1000
    reloaded = keras.saving.load_model("runs/quickstart.keras")
    assert reloaded.class_names[0] == "circle"
    # What the masks keep is a small part of a picture, and sharp.
    masks = names["explanation"].target_mask.numpy()
    assert 0.05 < masks.mean() < 0.5
    assert ((masks < 0.1) | (masks > 0.9)).mean() > 0.7


@pytest.mark.thorough  # loading and measuring VOC have tests of their own
def test_train_voc(project, capsys):
    write_shapes_as_voc = runpy.run_path(str(EXAMPLES / "reproduce_paper.py"))[
        "write_shapes_as_voc"
    ]
    write_shapes_as_voc(project / "VOCdevkit" / "VOC2012", 128, train=96, val=16)
    main = runpy.run_path(str(EXAMPLES / "train_voc.py"))["main"]
    main(
        [
            *("VOCdevkit", "--classifier", "saved_models/shapes_classifier.keras"),
            *("--classes", "aeroplane,bicycle,bird,boat,bottle,bus,car,cat"),
            *("--epochs", "3", "--out", "runs/voc"),
        ]
    )
    lines = [line for line in capsys.readouterr().out.splitlines() if " IoU " in line]
    iou = {line[:22].strip(): float(line.split("IoU ")[1][:5]) for line in lines}
    assert list(iou) == ["Grad-CAM", "Explainer, untrained", "Explainer"]
    # Little is learned in three epochs, with a loss for photographs at that.
    assert iou["Explainer"] > iou["Explainer, untrained"]
    assert sorted(path.name for path in (project / "runs/voc/pictures").iterdir()) == [
        f"epoch_{number:03}.png" for number in range(4)
    ]
