"""The report: what is embedded, and what its script makes of it."""

import base64
import io
import re

import numpy as np
import pytest
from pages import Page
from pages import needs_chromium
from pages import needs_node
from pages import run_in_chromium
from pages import run_in_node
from PIL import Image

from keras_explainer.report.html_page import embedded_json
from keras_explainer.report.metrics_table import metrics_table
from keras_explainer.report.report_page import report_page
from keras_explainer.report.report_page import report_picture
from keras_explainer.report.training_curves import training_curves

NAMES = ["cat", "</script><b>dog", "fox"]
ROWS = [
    {"epoch": 1, "seconds": 2.0, "loss": 3.0, "val_loss": 1.0, "area": 0.5},
    {"epoch": 2, "seconds": 2.0, "loss": 2.0, "val_loss": 2.0, "area": 0.5},
]


def decoded(uri):
    content = base64.b64decode(uri.split(",")[1])
    return np.asarray(Image.open(io.BytesIO(content)))


@pytest.fixture
def page():
    """A grey picture 4 wide and 2 high: its left is the dog, its top row the cat."""
    picture = Image.new("RGB", (4, 2), (200, 200, 200))
    masks = np.zeros((2, 4, 3), "float32")
    masks[:, :2, 0] = 0.6
    masks[0, :, 1] = 1.0
    classes, scores = np.array([1, 0, -1]), np.array([0.8, 0.1, 0.0])
    proof = np.array([0.75, 0.3, 0.0]), np.array([0.04, 0.2, 0.0])
    entry = report_picture("a&b.png", picture, masks, classes, scores, *proof, NAMES)
    config = {"command": "demo", "epochs": 2, "force": True, "data": None}
    metrics = {"Explainer": {"iou": 0.25}}
    return report_page("my <run>", config, ROWS, metrics, [entry], "2 masks < 3")


def test_page_holds_everything(page):
    read = Page(page)
    assert read.addresses() == [] and "http" not in page
    assert "{{" not in page.replace("${{", "")
    assert "<h1>my &lt;run&gt;</h1>" in page
    assert "epochs <b>2</b>" in page and "force" not in page
    (entry,) = read.data
    assert entry["name"] == "a&b.png"
    assert [c["name"] for c in entry["classes"]] == [NAMES[1], NAMES[0]]
    assert [c["probability"] for c in entry["classes"]] == [0.8, 0.1]
    assert [c["kept"] for c in entry["classes"]] == [0.75, 0.3]
    assert [c["removed"] for c in entry["classes"]] == [0.04, 0.2]
    assert '<b class="verdict">2 masks &lt; 3.</b>' in page
    assert decoded(entry["picture"]).shape == (2, 4, 3)
    levels = [decoded(c["mask"]).tolist() for c in entry["classes"]]
    assert levels[0] == [[153, 153, 0, 0]] * 2
    assert levels[1] == [[255] * 4, [0] * 4]
    assert [tag for tag, _ in read.elements].count("canvas") == 1


def test_large_pictures_are_made_smaller():
    masks = np.ones((600, 600, 1), "float32")
    picture = Image.new("RGB", (960, 480))
    entry = report_picture("a", picture, masks, [2], [1.0], [1.0], [0.0], NAMES)
    assert decoded(entry["picture"]).shape == (240, 480, 3)
    assert (decoded(entry["classes"][0]["mask"]) == np.full((256, 256), 255)).all()


def test_curves():
    charts = training_curves(ROWS).split("\n")
    assert len(charts) == 2
    lines = [re.findall(r'<polyline class="(\w+)" points="(.*?)"', c) for c in charts]
    assert lines[0] == [
        ("training", "44.0,8.0 232.0,54.0"),
        ("validation", "44.0,100.0 232.0,54.0"),
    ]
    # A constant has no range: in the middle.
    assert lines[1] == [("training", "44.0,54.0 232.0,54.0")]
    assert "training 2, validation 2" in charts[0]
    assert training_curves([]) == ""
    assert 'cx="138.0" cy="54.0"' in training_curves([{"epoch": 1, "loss": 1.0}])
    assert "<b>val only</b>" in training_curves([{"epoch": 1, "val_only": 1.0}])


def test_metrics_table():
    flat = metrics_table({"epochs": 3, "val_loss": 0.123456})
    assert "<tr><td>epochs</td><td>3</td></tr>" in flat
    assert "<tr><td>val loss</td><td>0.1235</td></tr>" in flat
    methods = metrics_table({"A & B": {"iou": 0.5}, "C": {"class_iou": 1.0}})
    assert "<tr><th></th><th>iou</th><th>class iou</th></tr>" in methods
    assert "<tr><td>A &amp; B</td><td>0.5</td><td></td></tr>" in methods


def test_embedded_json_cannot_end_its_script():
    assert embedded_json({"a": "</script>"}) == r'{"a":"\u003c/script>"}'


@needs_node
def test_cut(page):
    # Five grey pixels in a row; the mask of the first two is 0.6.
    levels = run_in_node(
        page,
        """
        const pixels = new Uint8ClampedArray(20).fill(200);
        const mask = new Uint8ClampedArray(20).fill(153, 0, 8);
        const area = cut(pixels, mask, 5, 0.5, [1, 2, 3]);
        const more = cut(new Uint8ClampedArray(20), mask, 5, 0.61, [1, 2, 3]);
        return [area, [...pixels], more];
        """,
    )
    assert levels == [
        0.4,
        [200] * 8 + [1, 2, 3, 200] + [70, 70, 70, 200] * 2,
        0,
    ]


@needs_chromium
@pytest.mark.slow
def test_chooser_and_slider(page, tmp_path):
    (tmp_path / "report.html").write_text(page, encoding="utf-8")
    seen = run_in_chromium(
        tmp_path / "report.html",
        """
        const [chooser, slider, share, proof, canvas] =
          ["select", "input", ".area", ".proof", "canvas"]
            .map(s => document.querySelector(".pictures figure " + s));
        const seen = [[...chooser.options].map(o => o.text)];
        const look = () => seen.push([share.textContent, proof.textContent,
          ...canvas.getContext("2d").getImageData(0, 0, 1, 1).data]);
        look();
        chooser.value = 1;
        chooser.dispatchEvent(new Event("change"));
        look();
        slider.value = 0.7;
        slider.dispatchEvent(new Event("input"));
        slider.value = 0;
        slider.dispatchEvent(new Event("input"));
        look();
        chooser.value = 0;
        slider.value = 0.7;
        slider.dispatchEvent(new Event("input"));
        look();
        return seen;
        """,
        tmp_path,
    )
    dog, cat = (
        f"{kept} % from the mask alone, {removed} % without it"
        for kept, removed in ((75, 4), (30, 20))
    )
    grey, dark = [200, 200, 200, 255], [70, 70, 70, 255]
    assert seen == [
        ["</script><b>dog · 80 %", "cat · 10 %"],
        ["50.0 % of the picture", dog, *grey],
        ["50.0 % of the picture", cat, *grey],
        ["100.0 % of the picture", cat, *grey],
        ["0.0 % of the picture", dog, *dark],
    ]
