"""`explain`: from files of all kinds to masks at their own size."""

import json
import shutil

import numpy as np
import pytest
import trained
from conftest import tiny_classifier
from odd_pictures import picture
from odd_pictures import save_odd_pictures
from PIL import Image

import keras_explainer as kx
from keras_explainer.__main__ import main
from keras_explainer.commands.demo import PHOTOGRAPHS
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


def test_explainer_of_the_package(tmp_path, monkeypatch, capsys):
    """What a newcomer types, in a folder that holds one photograph and nothing else."""
    shutil.copy(PHOTOGRAPHS / "cat.jpg", tmp_path / "photo.jpg")
    monkeypatch.chdir(tmp_path)
    assert explain("imagenet", "explained", "photo.jpg", "--top-k", "2") == 0
    assert "photo.jpg: Egyptian_cat 0.8" in capsys.readouterr().out
    (record,) = json.loads((tmp_path / "explained/explanations.json").read_text())
    assert [found["name"] for found in record["classes"]] == ["Egyptian_cat", "tabby"]
    with Image.open(tmp_path / "explained/photo_Egyptian_cat.png") as mask:
        assert mask.size == (451, 300) and mask.getextrema()[1] > 200
    config = json.loads((tmp_path / "explained/config.json").read_text())
    assert config["explainer"] == str(kx.shipped_model("mobilenet_v2_imagenet"))


@pytest.mark.slow
def test_a_photograph_alone_is_enough(tmp_path, monkeypatch, capsys):
    """`keras-explainer explain photo.jpg`, and a folder of them in another place."""
    (tmp_path / "photos").mkdir()
    shutil.copy(PHOTOGRAPHS / "cat.jpg", tmp_path / "photos" / "photo.jpg")
    monkeypatch.chdir(tmp_path)
    assert main(["explain", "photos/photo.jpg"]) == 0
    told = capsys.readouterr().out
    assert "comes with the package" in told and "photo.jpg: Egyptian_cat 0.8" in told
    assert "see photos/photo_explained/photo_overlay.png" in told
    assert (tmp_path / "photos/photo_explained/photo_overlay.png").is_file()
    assert main(["explain", "photos/photo.jpg"]) == 2
    assert "--force to replace" in capsys.readouterr().err
    assert main(["explain", "photos", "--top-k", "1"]) == 0
    assert (tmp_path / "photos_explained/photo_Egyptian_cat.png").is_file()
    assert main(["explain", "photos/*.jpg", "--top-k", "1"]) == 0
    assert (tmp_path / "explained/explanations.json").is_file()


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


def test_files_tell_both_parts_of_a_verified_mask(tmp_path):
    files = ExplanationFiles(tmp_path, NAMES)
    path, masks, classes = tmp_path / "fox.jpg", np.ones((2, 2, 2)), np.array([2, 0])
    scores, kept, removed = np.array([[0.9, 0.1], [0.75, 0.2], [0.05, 0.3]])
    record = files.write(path, picture(2, 2), masks, classes, scores, kept, removed)
    keys = ("probability", "kept_probability", "removed_probability")
    found = [[explained[key] for key in keys] for explained in record["classes"]]
    assert found == [[0.9, 0.75, 0.05], [0.1, 0.2, 0.3]]
    # Without the option all is as it was.
    record = files.write(path, picture(2, 2), masks, classes, scores)
    assert list(record["classes"][0]) == [
        *("class", "name", "probability", "mask", "area", "box")
    ]


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


@pytest.mark.slow
def test_relevance_is_written_beside_the_masks_if_asked(explainer, tmp_path):
    picture(32, 32).save(tmp_path / "exact.png")
    argv = (str(tmp_path / "exact.png"), "--targets", "2,0", "--threshold", "0.5")
    images = np.asarray(picture(32, 32), "float32")[None] / 127.5 - 1
    found = load_explainer(explainer).explain(images, targets=np.array([[1, 0, 1]]))
    for flags in ((), ("--relevance",)):
        out = tmp_path / f"out{len(flags)}"
        assert explain(explainer, out, *argv, *flags) == 0
        (record,) = json.loads((out / "explanations.json").read_text())
        for k, told in enumerate(record["classes"]):
            assert ("relevance" in told) == bool(flags)
            if flags:
                shown = np.asarray(Image.open(out / told["relevance"])) / 255
                expected = found.relevance[0, ..., k]
                np.testing.assert_allclose(shown, expected, atol=0.5 / 255 + 1e-6)
    assert len([*(tmp_path / "out1").glob("*_relevance.png")]) == 2


@pytest.fixture
def patch_explainer(trained_explainer, tmp_path):
    """The file of the trained explainer of patches, and those of four pictures."""
    explainer = trained_explainer()
    explainer.preprocess_input = "0..1"
    explainer.class_names = trained.NAMES
    explainer.save(tmp_path / "patches.keras")
    images, labels, _ = trained.patches(4, seed=11)
    (tmp_path / "patches").mkdir()
    for number, levels in enumerate((255 * images).round().astype("uint8")):
        Image.fromarray(levels).save(tmp_path / "patches" / f"{number}.png")
    return tmp_path / "patches.keras", tmp_path / "patches", labels


def proofs(records):
    """The probabilities (N, k, 3): of the picture, of the mask alone, without it."""
    keys = ("probability", "kept_probability", "removed_probability")
    return np.array([[[c[key] for key in keys] for c in r["classes"]] for r in records])


@pytest.mark.slow
def test_verify_proves_the_masks_of_a_trained_explainer(
    patch_explainer, tmp_path, capsys, monkeypatch
):
    monkeypatch.setattr("keras_explainer.commands.explain.BATCH_SIZE", 3)
    path, folder, labels = patch_explainer
    out = tmp_path / "out"
    assert explain(path, out, str(folder), "--verify", "--top-k", "2") == 0
    records = json.loads((out / "explanations.json").read_text())
    images = np.stack([np.asarray(Image.open(r["file"])) for r in records]) / 255
    found = load_explainer(path).explain(images, top_k=2, verify=True)
    expected = np.stack([found.scores, found.kept_scores, found.removed_scores], -1)
    np.testing.assert_allclose(proofs(records), expected, atol=1e-5)
    assert [record["classes"][0]["class"] for record in records] == labels.tolist()
    full, kept, removed = proofs(records)[:, 0].T
    assert (kept >= full / 2).all() and (removed < full / 2).all()
    lines = capsys.readouterr().out.splitlines()
    assert lines[-1] == f"Verified: {found.verdict()}"
    name = trained.NAMES[labels[0]]
    told = f"{full[0]:.2f} (alone {kept[0]:.2f}, without {removed[0]:.2f})"
    assert lines[0].startswith(f"{folder / '0.png'}: {name} {told}, ")


@pytest.mark.slow
def test_without_verify_nothing_is_proved(patch_explainer, tmp_path, capsys):
    path, folder, _ = patch_explainer
    assert explain(path, tmp_path / "out", str(folder)) == 0
    assert "kept_probability" not in (tmp_path / "out/explanations.json").read_text()
    shown = capsys.readouterr().out
    assert "alone" not in shown and "Verified" not in shown


@pytest.mark.slow
def test_a_server_is_asked_to_verify(patch_explainer, tmp_path, capsys, monkeypatch):
    path, folder, _ = patch_explainer
    explainer, verified = load_explainer(path), []

    class Client:
        """Answers as the client of a server does, which verifies if it is asked to."""

        class_names = dict(enumerate(trained.NAMES))

        def __init__(self, url):
            pass

        def explain(self, path, verify=False, relevance=False):
            verified.append(verify)
            images = np.asarray(Image.open(path), "float32")[None] / 255
            return explainer.explain(images, verify=verify)

    monkeypatch.setattr(kx.serving, "Client", Client)
    here, there = tmp_path / "here", tmp_path / "there"
    argv = [str(folder), "--top-k", "2", "--verify", "--out"]
    assert main(["explain", "--explainer", str(path), *argv, str(here)]) == 0
    expected = capsys.readouterr().out.splitlines()[-1]
    assert main(["explain", "--server", "http://x", *argv, str(there)]) == 0
    assert capsys.readouterr().out.splitlines()[-1] == expected
    assert verified == [True] * 4
    one, other = (
        json.loads((out / "explanations.json").read_text()) for out in (here, there)
    )
    np.testing.assert_allclose(proofs(one), proofs(other), atol=1e-5)
    argv = ["--server", "http://x", str(folder), "--out", str(tmp_path / "plain")]
    assert main(["explain", *argv]) == 0
    assert verified[4:] == [False] * 4


def test_a_server_that_cannot_verify_ends_in_one_sentence(
    tmp_path, capsys, monkeypatch
):
    class Client:
        class_names = {}

        def __init__(self, url):
            pass

        def explain(self, path, verify=False, relevance=False):
            sentence = "The served model has no signature that verifies"
            raise kx.serving.ServingError(sentence, "INVALID_ARGUMENT", answered=False)

    monkeypatch.setattr(kx.serving, "Client", Client)
    for name in "ab":
        picture(8, 8).save(tmp_path / f"{name}.png")
    argv = ["--server", "http://x", "--verify", "--out", str(tmp_path / "out")]
    assert main(["explain", f"{tmp_path}/*.png", *argv]) == 1
    shown = capsys.readouterr().err
    assert "skipped" not in shown
    sentence = "error: The served model has no signature that verifies"
    assert shown.splitlines()[-1] == sentence
    assert not (tmp_path / "out").exists()


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


@pytest.mark.slow
def test_earlier_explanations_are_kept(explainer, pictures, tmp_path, capsys):
    out, cat = tmp_path / "out", f"{pictures}/cat.jpg"
    assert explain(explainer, out, cat) == 0
    assert explain(explainer, out, cat) == 2
    assert "--force" in capsys.readouterr().err
    assert explain(explainer, out, f"{pictures}/grey.png", "--force") == 0
    assert (out / "grey_overlay.png").exists()
    assert not (out / "cat_overlay.png").exists()
