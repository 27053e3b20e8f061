"""`explain`: from files of all kinds to masks at their own size."""

import json

import numpy as np
import pytest
from conftest import tiny_classifier
from odd_pictures import picture
from odd_pictures import save_odd_pictures
from PIL import Image

import keras_explainer as kx
from keras_explainer.__main__ import main
from keras_explainer.loading.load_explainer import load_explainer
from keras_explainer.loading.pictures import find_pictures
from keras_explainer.runs.explanation_files import ExplanationFiles
from keras_explainer.runs.explanation_files import bounding_box

pytestmark = pytest.mark.usefixtures("eager")
NAMES = ["red fox", "Red/Fox", "cat"]


@pytest.fixture(scope="module")
def explainer(tmp_path_factory):
    path = tmp_path_factory.mktemp("explainer") / "explainer.keras"
    classifier = tiny_classifier()
    kx.ExplainerModel(classifier, preprocess_input="mobilenet", class_names=NAMES).save(
        path
    )
    return path


@pytest.fixture
def pictures(tmp_path):
    folder = tmp_path / "pictures"
    (folder / "more").mkdir(parents=True)
    picture().save(folder / "cat.jpg")
    picture(50, 30).save(folder / "more" / "cat.png")
    save_odd_pictures(folder)
    (folder / "notes.txt").write_text("no picture")
    return folder


def explain(explainer, out, *argv):
    return main(["explain", "--explainer", str(explainer), "--out", str(out), *argv])


def test_find_pictures(pictures):
    names = [
        str(pictures),
        f"{pictures}/a [1].webp",
        f"{pictures}/**/*.png",
        "gone.jpg",
    ]
    found = [str(path).removeprefix(f"{pictures}/") for path in find_pictures(names)]
    expected = ["a [1].webp", "broken.jpg", "cat.jpg", "grey.png", "turned.jpg"]
    assert found == [*expected, "more/cat.png", "gone.jpg"]


def test_bounding_box():
    mask = np.zeros((4, 6), bool)
    assert bounding_box(mask) is None
    mask[1, 2:5] = True
    assert bounding_box(mask) == [2, 1, 5, 2]
    mask[3, 0] = True
    assert bounding_box(mask) == [0, 1, 5, 4]


def test_files_of_a_known_mask(tmp_path):
    masks = np.zeros((2, 2, 2), "float32")
    masks[0, 0, 0] = 0.6
    masks[..., 1] = 0.4
    files = ExplanationFiles(tmp_path, NAMES)
    record = files.write(
        tmp_path / "fox.jpg",
        picture(2, 2),
        masks,
        np.array([0, 1]),
        np.array([0.9, 0.1]),
    )
    assert [c["area"] for c in record["classes"]] == [0.25, 0.0]
    assert [c["box"] for c in record["classes"]] == [[0, 0, 1, 1], None]
    assert [c["name"] for c in record["classes"]] == ["red fox", "Red/Fox"]
    # Names that are one to a file system do not share a file.
    assert [c["mask"] for c in record["classes"]] == [
        "fox_red_fox.png",
        "fox_Red_Fox_2.png",
    ]
    levels = np.asarray(Image.open(tmp_path / "fox_red_fox.png"))
    assert levels.tolist() == [[153, 0], [0, 0]]

    files = ExplanationFiles(tmp_path, NAMES, threshold=0.3)
    record = files.write(
        tmp_path / "fox.jpg",
        picture(2, 2),
        masks[..., 1:],
        np.array([1]),
        np.array([0.1]),
    )
    assert record["classes"][0]["area"] == 1.0
    levels = np.asarray(Image.open(tmp_path / record["classes"][0]["mask"]))
    assert levels.tolist() == [[255, 255], [255, 255]]


@pytest.mark.filterwarnings("ignore:No font that is installed")
def test_files_have_names_that_file_systems_take(tmp_path):
    files = ExplanationFiles(tmp_path, ["\u732b" * 300, "\u732b" * 301])
    for stem in ("x" * 250, "\u72ac" * 80):
        record = files.write(
            tmp_path / f"{stem}.jpg",
            picture(2, 2),
            np.zeros((2, 2, 2)),
            np.array([0, 1]),
            np.array([0.9, 0.1]),
        )
        written = [record["overlay"], *(c["mask"] for c in record["classes"])]
        assert len(set(written)) == 3
        assert all((tmp_path / name).is_file() for name in written)


@pytest.mark.slow
def test_explains_pictures_of_all_kinds(explainer, pictures, tmp_path, capsys):
    out = tmp_path / "out"
    argv = (str(pictures), f"{pictures}/more/*", "gone.jpg", "--top-k", "2")
    assert explain(explainer, out, *argv) == 0
    shown = capsys.readouterr()
    assert "Explained 5 pictures, skipped 2; see" in shown.out
    assert "broken.jpg" in shown.err and "gone.jpg" in shown.err
    records = json.loads((out / "explanations.json").read_text())
    assert [record["file"].removeprefix(f"{pictures}/") for record in records] == [
        "a [1].webp",
        "cat.jpg",
        "grey.png",
        "turned.jpg",
        "more/cat.png",
    ]
    assert [(record["width"], record["height"]) for record in records] == [
        (200, 20),
        (60, 40),
        (60, 40),
        (40, 60),  # upright
        (30, 50),
    ]
    assert records[4]["overlay"] == "cat_2_overlay.png"
    written = {"config.json", "explanations.json"}
    for record in records:
        assert len(record["classes"]) == 2
        written.add(record["overlay"])
        for explained in record["classes"]:
            written.add(explained["mask"])
            mask = Image.open(out / explained["mask"])
            assert mask.mode == "L" and mask.size == (record["width"], record["height"])
            assert NAMES[explained["class"]] == explained["name"]
            inside = np.asarray(mask) >= 128
            assert explained["area"] == pytest.approx(inside.mean(), abs=1e-6)
            assert explained["box"] == bounding_box(inside)
    assert {path.name for path in out.iterdir()} == written


def test_targets_by_name_and_index(explainer, pictures, tmp_path):
    argv = (f"{pictures}/cat.jpg", "--targets", "CAT,0", "--threshold", "0.4")
    assert explain(explainer, tmp_path / "out", *argv) == 0
    (record,) = json.loads((tmp_path / "out" / "explanations.json").read_text())
    assert [explained["class"] for explained in record["classes"]] == [0, 2]
    mask = np.asarray(Image.open(tmp_path / "out" / "cat_cat.png"))
    assert set(np.unique(mask)) <= {0, 255}


@pytest.mark.slow
def test_masks_are_those_of_the_explainer(explainer, tmp_path):
    picture(32, 32).save(tmp_path / "exact.png")
    argv = (str(tmp_path / "exact.png"), "--targets", "2")
    images = np.asarray(picture(32, 32), "float32")[None] / 127.5 - 1
    cases = {
        "plain": ((), {}),
        "refined": (("--refine-steps", "3"), {"refine_steps": 3}),
        "mirrored": (("--mirrored",), {"mirrored": True}),
    }
    for name, (flags, options) in cases.items():
        assert explain(explainer, tmp_path / name, *argv, *flags) == 0
        mask = np.asarray(Image.open(tmp_path / name / "exact_cat.png")) / 255
        found = load_explainer(explainer).explain(images, targets=2, **options)
        np.testing.assert_allclose(mask, found.masks[0, ..., 0], atol=0.5 / 255 + 1e-6)


@pytest.mark.parametrize(
    "argv, code, message",
    [
        (["--targets", "dog"], 2, "--targets should be class indices from 0 to 2 or"),
        (["--targets", "3"], 2, "Received: 3"),
        (["broken.jpg"], 1, "at least one picture that can be read. Received: broken"),
    ],
)
def test_wrong_requests(explainer, pictures, tmp_path, capsys, argv, code, message):
    if argv[0].startswith("--"):
        argv = [f"{pictures}/cat.jpg", *argv]
    assert explain(explainer, tmp_path / "out", *argv) == code
    last = capsys.readouterr().err.splitlines()[-1]
    assert last.startswith("error: ") and message in last
    assert not (tmp_path / "out").exists()
    assert not (tmp_path / "out.partial").exists()


def test_earlier_explanations_are_kept(explainer, pictures, tmp_path, capsys):
    out, cat = tmp_path / "out", f"{pictures}/cat.jpg"
    assert explain(explainer, out, cat) == 0
    assert explain(explainer, out, cat) == 2
    assert "--force" in capsys.readouterr().err
    assert explain(explainer, out, f"{pictures}/grey.png", "--force") == 0
    assert (out / "grey_overlay.png").exists()
    assert not (out / "cat_overlay.png").exists()
