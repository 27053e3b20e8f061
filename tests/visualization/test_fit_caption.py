import doctest
import importlib

import pytest

from keras_explainer.visualization.caption import fit_caption

CORGI = "Pembroke, Pembroke Welsh corgi"


def test_short_name_stays_on_one_line():
    assert fit_caption("dog", "0.93", 10, len) == ["dog 0.93"]
    assert fit_caption("dog", "", 10, len) == ["dog"]
    assert fit_caption("", "0.93", 10, len) == ["0.93"]
    assert fit_caption("-", "0.93", 10, len) == ["- 0.93"]


def test_long_name_is_wrapped_and_keeps_its_score_company():
    assert fit_caption(CORGI, "0.93", 19, len) == [
        "Pembroke, Pembroke",
        "Welsh corgi 0.93",
    ]
    # "Pembroke Welsh" would leave room for "corgi" but not for its score.
    assert fit_caption("golden_retriever", "0.93", 16, len) == [
        "golden",
        "retriever 0.93",
    ]


def test_longer_name_is_shortened_before_its_score():
    assert fit_caption(CORGI, "0.93", 10, len) == [
        "Pembroke,",
        "Pembroke",
        "Wels… 0.93",
    ]
    assert fit_caption(CORGI, "0.93", 18, len, max_lines=1) == ["Pembroke, Pe… 0.93"]
    assert fit_caption("hippopotamus", "0.93", 8, len) == ["hippopo…", "0.93"]


@pytest.mark.parametrize("width", range(4, 60))
@pytest.mark.parametrize("name", [CORGI, "hippopotamus", "a b c d e f", "x" * 200])
def test_lines_always_fit_and_end_with_the_score(name, width):
    lines = fit_caption(name, "0.93", width, len)
    assert 1 <= len(lines) <= 3
    assert max(map(len, lines)) <= width
    assert lines[-1].endswith("0.93")


@pytest.mark.parametrize("name", ["apply_mask", "caption", "class_color"])
def test_examples_in_the_docstrings_are_true(name):
    module = importlib.import_module(f"keras_explainer.visualization.{name}")
    outcome = doctest.testmod(module)
    assert outcome.attempted > 0 and outcome.failed == 0
