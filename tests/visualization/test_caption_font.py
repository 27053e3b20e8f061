"""Captions of any script: a font that has the letters, or a word about it, once."""

import warnings

import numpy as np
import pytest

from keras_explainer.visualization import caption_font as module
from keras_explainer.visualization import class_grid
from keras_explainer.visualization.caption_font import caption_font
from keras_explainer.visualization.caption_font import drawable

matplotlib = pytest.importorskip("matplotlib")
CAT = "\u732b"


@pytest.fixture(autouse=True)
def forget():
    """Nothing was told, and no font was looked for."""
    module._told.clear()
    module._families.cache_clear()
    yield
    module._told.clear()
    module._families.cache_clear()


@pytest.fixture
def fonts(monkeypatch):
    """The fonts that come with matplotlib and no others."""
    from matplotlib.font_manager import fontManager

    folder = matplotlib.get_data_path()
    kept = [font for font in fontManager.ttflist if font.fname.startswith(folder)]
    monkeypatch.setattr(fontManager, "ttflist", kept)
    yield kept
    fontManager._findfont_cached.cache_clear()


@pytest.fixture
def cat_font(fonts, tmp_path):
    """A font with one letter, a black square for a cat."""
    from fontTools.fontBuilder import FontBuilder
    from fontTools.pens.ttGlyphPen import TTGlyphPen
    from matplotlib.font_manager import FontEntry

    pen = TTGlyphPen(None)
    for number, corner in enumerate([(0, 0), (0, 900), (900, 900), (900, 0)]):
        (pen.lineTo if number else pen.moveTo)(corner)
    pen.closePath()
    font = FontBuilder(1000, isTTF=True)
    font.setupGlyphOrder([".notdef", "cat"])
    font.setupCharacterMap({ord(CAT): "cat"})
    font.setupGlyf({".notdef": TTGlyphPen(None).glyph(), "cat": pen.glyph()})
    font.setupHorizontalMetrics({".notdef": (1000, 0), "cat": (1000, 0)})
    font.setupHorizontalHeader(ascent=900, descent=-100)
    font.setupNameTable({"familyName": "Cats", "styleName": "Regular"})
    font.setupOS2(sTypoAscender=900, usWinAscent=900, usWinDescent=100)
    font.setupPost()
    font.save(tmp_path / "cats.ttf")
    path = str(tmp_path / "cats.ttf")
    entry = FontEntry(fname=path, name="Cats", weight=400, size="scalable")
    fonts.append(entry)


def caption_pixels(name):
    """What is drawn under the one mask of a grid, and what it is called."""
    figure = class_grid(np.zeros((8, 8)), np.ones((8, 8, 1)), [name], [0.5])
    figure.canvas.draw()
    pixels = np.asarray(figure.canvas.buffer_rgba())[..., 0]
    box = figure.texts[-1].get_window_extent()
    height = len(pixels)
    top, bottom = round(height - box.y1), round(height - box.y0)
    part = pixels[top:bottom, round(box.x0) : round(box.x1)]
    return part, figure.texts[-1].get_text()


def test_letters_are_taken_from_a_font_that_has_them(cat_font):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        font, missing = caption_font(["cat", CAT], 8)
        part, text = caption_pixels(CAT)
    assert font.get_family() == ["DejaVu Sans", "Cats"] and not missing
    assert text == f"{CAT} 0.50"
    # The square of the font above: its columns are black where it stands.
    assert (part[:, :10].min(axis=0) < 128).sum() > 5
    black = (part < 128).sum()
    assert black > 100


def test_letters_that_no_font_has_are_told_once(fonts):
    with pytest.warns(UserWarning) as caught:
        assert caption_pixels(CAT)[1] == "class 0 0.50"
        assert caption_pixels(f"{CAT}{CAT} cat")[1] == "class 0 0.50"
    (warning,) = caught
    assert f"No font that is installed has the letters {CAT} of class" in str(
        warning.message
    )


@pytest.mark.parametrize(
    "name",
    [
        *(
            "\u043a\u043e\u0442",
            "\u03b3\u03ac\u03c4\u03b1",
            "caf\u00e9",
            "\u05d7\u05ea",
        ),
        *("$\\alpha$", "$", "a^{", "cat\u200d", "100 %", "\\frac", "a_b", "\u0107"),
    ],
)
def test_letters_and_signs_that_every_matplotlib_can_write(fonts, name):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        text = caption_pixels(name)[1]
    assert text == f"{name.replace('_', ' ')} 0.50".replace("\u200d", "")


def test_lines_and_control_signs_in_a_name(fonts):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert caption_pixels("tabby\ncat\t1\x07")[1] == "tabby cat 1 0.50"


def test_a_long_name_is_shortened_where_one_sees_it(fonts):
    assert caption_pixels("cat" * 1000)[1].endswith("0.50")
    figure = class_grid(np.zeros((8, 8)), np.ones((8, 8, 1)), ["cat" * 1000], [0.5])
    assert any(text.get_text().endswith("\u2026") for text in figure.texts)


def test_a_user_of_tex_gets_the_same_captions(fonts):
    with matplotlib.rc_context({"text.usetex": True}):
        assert caption_pixels("50 % $ cat_1")[1] == "50 % $ cat 1 0.50"


def test_what_can_be_drawn():
    assert drawable(f"{CAT} cat", {CAT}) == "? cat"
    assert drawable(f"{CAT} cat", {CAT}, "class 3") == "class 3"
    assert drawable("cat", {CAT}, "class 3") == "cat"
