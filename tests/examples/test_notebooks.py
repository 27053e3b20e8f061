"""The notebooks: written from their sources, run from top to bottom, and true."""

import importlib
import os
import pathlib
import re

import nbformat
import pytest

ROOT = pathlib.Path(__file__).parents[2]
NAMES = [path.stem for path in sorted((ROOT / "examples").glob("*.ipynb"))]
COLAB = "https://colab.research.google.com/github/keras-explainer/keras-explainer/blob/"


@pytest.fixture
def notebooks(monkeypatch):
    monkeypatch.syspath_prepend(ROOT / "docs")
    return importlib.import_module("notebooks")


def read(name):
    return nbformat.read(ROOT / "examples" / f"{name}.ipynb", as_version=4)


def printed(notebook):
    """Returns all that the cells of a notebook print."""
    outputs = [o for cell in notebook.cells for o in cell.get("outputs", ())]
    return "".join(o["text"] for o in outputs if o.get("name") == "stdout")


def figure(text, label):
    """Returns the number that is printed behind a label."""
    return float(re.search(rf"^{re.escape(label)} *(-?\d+\.\d+)", text, re.M)[1])


def table(text):
    """Returns the rows of numbers in a printed text by what stands before them."""
    rows = re.findall(r"^(\S[\w .-]*?) {2,}((?:-?\d+\.\d+ *)+)$", text, re.M)
    return {name: [float(number) for number in row.split()] for name, row in rows}


# === What a notebook must have printed to be true; of a short run, less ===


def quickstart(text, short):
    assert "The classifier is unchanged: True" in text
    assert "reloaded Explainer are the same: True" in text
    untrained = figure(text, "IoU with the objects, untrained:")
    assert 0.1 < untrained < 0.4
    assert figure(text, "IoU with the objects, 900 steps:") > 0.7
    if not short:
        trained = figure(text, "IoU with the objects, trained:")
        assert trained > untrained + 0.15
        assert figure(text, "kept:") > 0.2 + figure(text, "removed:")


def your_own_classifier(text, short):
    assert "Received: multi_label='auto' and a linear head" in text
    assert "recognised: mobilenet\n" in text and "[-1.  1.]" in text
    assert "apply its `preprocess_input` first" in text
    assert "masks: (4, 128, 128, 3)" in text
    untrained = figure(text, "class IoU, untrained:")
    trained = figure(text, "class IoU, trained:")
    if not short:
        assert figure(text, "Labels right:") > 0.9
        assert trained > untrained + 0.1


def compare_methods(text, short):
    rows = table(text)
    class_iou = {name: row[0] for name, row in rows.items()}
    best = max(class_iou["all 1"], class_iou["Guided backprop"], class_iou["random"])
    assert class_iou["true mask"] == 1
    assert class_iou["Explainer"] > class_iou["Grad-CAM"] + 0.2 > best + 0.2
    assert rows["random"][2] < rows["Explainer"][2]  # insertion
    assert rows["Explainer"][4] > rows["Grad-CAM"][4]  # class-discrimination gap


def train_on_voc(text, short):
    assert f"JPEGImages: {120 if short else 696} files" in text
    assert figure(text, "Labels right:") > 0.9
    assert "'target_area_weight': 0.1" in text
    iou = {name: row[0] for name, row in table(text).items()}
    assert iou["Grad-CAM"] > iou["all ones"]
    if not short:
        assert iou["Explainer"] > max(iou["untrained"], iou["all ones"]) + 0.1


def serve_with_tf_serving(text, short):
    assert "saved_model.pb" in text and "version 1 is AVAILABLE" in text
    assert "mask (240, 320)" in text
    assert "200 ['class_names', 'classes', 'masks', 'masks_png_bytes'" in text
    assert "classes are the same: True" in text
    difference = re.search(r"difference of probabilities: (\S+)", text)[1]
    assert float(difference) < 1e-4


def discrete_masks_and_bla(text, short):
    assert "values in the masks: [0. 1.]" in text
    assert figure(text, "answers of all the cells:") == 1
    assert set(table(text)) == {"discrete masks", "BLA"}
    before = figure(text, "IoU with the objects, before:")
    after = figure(text, "IoU with the objects, after:")
    kept = figure(text, "answers kept by these:")
    selected = figure(text, "cells selected:")
    if not short:
        assert after > before + 0.05
        assert kept > 0.8 and 0.05 < selected < 0.8


TRUTHS = {
    "01_quickstart": quickstart,
    "02_your_own_classifier": your_own_classifier,
    "03_compare_methods": compare_methods,
    "04_train_on_voc": train_on_voc,
    "05_serve_with_tf_serving": serve_with_tf_serving,
    "06_discrete_masks_and_bla": discrete_masks_and_bla,
}
# Of what a test takes less: pictures to train with, or to compare methods on.
FEWER = {
    "01_quickstart": ("shapes(90 * 32,", "shapes(4 * 32,"),
    "02_your_own_classifier": ('data("train", 1600,', 'data("train", 128,'),
    "03_compare_methods": ("shapes(16, seed=5", "shapes(6, seed=5"),
    "04_train_on_voc": ("train=640,", "train=64,"),
    "06_discrete_masks_and_bla": ("shapes(2400,", "shapes(128,"),
}


def test_every_notebook_is_known(notebooks):
    assert NAMES == [source.stem for source in notebooks.SOURCES] == list(TRUTHS)


@pytest.mark.parametrize("name", TRUTHS)
def test_what_is_kept(notebooks, name):
    """A kept notebook has the cells of its source, small pictures and true figures."""
    kept = read(name)
    source = ROOT / "docs" / "notebooks" / f"{name}.md"
    cells = [(cell.cell_type, cell.source) for cell in kept.cells]
    built = notebooks.build(source)
    assert cells == [(cell.cell_type, cell.source) for cell in built.cells]
    assert f"{COLAB}main/examples/{name}.ipynb" in kept.cells[0].source
    assert "REAL_DATA = False" in kept.cells[2].source
    assert (ROOT / "examples" / f"{name}.ipynb").stat().st_size < 400e3
    outputs = [o for cell in kept.cells for o in cell.get("outputs", ())]
    pictures = [o for o in outputs if "image/jpeg" in o.get("data", {})]
    assert pictures and "image/png" not in str(outputs)
    TRUTHS[name](printed(kept), short=False)


def shortened(notebook, many, fewer):
    """Makes a notebook compute less, in one place of one cell."""
    cells = [cell for cell in notebook.cells if many in cell.source]
    assert len(cells) == 1 and cells[0].source.count(many) == 1
    cells[0].source = cells[0].source.replace(many, fewer)


@pytest.mark.slow
@pytest.mark.parametrize(
    "name",
    [
        # The others train, explain and serve as the README's blocks and the scripts do.
        pytest.param(
            name, marks=() if name == "03_compare_methods" else pytest.mark.thorough
        )
        for name in TRUTHS
    ],
)
def test_runs_from_top_to_bottom(notebooks, name):
    """Every cell runs; how well masks become is told by what is kept."""
    notebook = notebooks.build(ROOT / "docs" / "notebooks" / f"{name}.md")
    if name in FEWER:
        shortened(notebook, *FEWER[name])
    notebooks.run(notebook)
    TRUTHS[name](printed(notebook), short=name in FEWER)


@pytest.mark.slow
@pytest.mark.skipif("AS_ON_COLAB" not in os.environ, reason="make test-colab runs it")
@pytest.mark.parametrize("name", TRUTHS)
def test_runs_as_on_colab(notebooks, name):
    notebook = notebooks.build(ROOT / "docs" / "notebooks" / f"{name}.md")
    notebooks.run_as_on_colab(notebook)
    TRUTHS[name](printed(notebook), short=False)
