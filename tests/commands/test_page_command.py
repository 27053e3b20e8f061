"""`page`: the file, and what is no page to write. What the page does: tests/browser."""

import pathlib

import pytest
import trained
from PIL import Image

from keras_explainer.__main__ import build_parser
from keras_explainer.__main__ import main


@pytest.mark.slow  # a conversion
def test_a_page_of_an_explainer_of_ones_own(trained_explainer, tmp_path, capsys):
    explainer = trained_explainer()
    explainer.class_names = trained.NAMES
    explainer.save(tmp_path / "patches.keras")
    Image.new("RGB", (40, 30), (200, 40, 40)).save(tmp_path / "my photo.png")
    out = tmp_path / "page.html"
    argv = ["page", str(tmp_path / "patches.keras"), "--out", str(out)]
    argv += ["--images", str(tmp_path / "*.png"), "--title", "Patches of colour"]
    assert main(argv) == 0
    assert f"Wrote {out}: " in capsys.readouterr().out.replace("\n", "")
    text = out.read_text("utf-8")
    assert "<title>Patches of colour · keras-explainer</title>" in text
    assert text.count('class="sample"') == 1 and 'alt="Try my photo.png"' in text
    assert '"classNames":["red","green","blue"]' in text
    assert main(argv) == 2
    error = capsys.readouterr().err
    assert error.startswith("error: Argument --out should be a new file, or come with")
    assert out.read_text("utf-8") == text
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "my photo.png",
        "page.html",
        "patches.keras",
    ]
    assert main([*argv, "--force", "--title", "Another"]) == 0
    assert "<title>Another" in out.read_text("utf-8")


def test_the_shipped_explainer_of_photographs_is_the_default():
    args = build_parser().parse_args(["page", "--out", "page.html"])
    assert args.explainer_path == "imagenet" and args.images is None


@pytest.mark.parametrize(
    "argv, problem",
    [
        (["page"], "Argument --out should be given"),
        (["page", "--out", "{}/no/page.html"], "in a folder that does not exist"),
        (["page", "--out", "{}"], "Argument --out should be a file to write."),
        (
            ["page", "nothing.keras", "--out", "{}/page.html"],
            "Argument EXPLAINER should be a run folder or a saved explainer",
        ),
        (["page", "--top-k", "0", "--out", "{}/page.html"], "Argument --top-k should"),
    ],
)
def test_what_is_wrong_is_said_in_a_sentence(argv, problem, tmp_path, capsys):
    assert main([word.format(tmp_path) for word in argv]) == 2
    shown = capsys.readouterr().err
    assert shown.startswith("error: ") and problem in shown
    assert not list(pathlib.Path(tmp_path).iterdir())
