"""One stable line per epoch, on a terminal and off."""

import io
import itertools
import re
import types

import pytest
from rich.console import Console

from keras_explainer.runs import training_progress
from keras_explainer.runs.training_progress import TrainingProgress

TERMS = ["classification", "entropy", "area", "smoothness"]
LOGS = {"loss": 1.25, **dict.fromkeys(TERMS, 0.5), "val_loss": -0.125, "val_area": 9.0}


def train(monkeypatch, epochs=2, width=100, terminal=False, rows=()):
    """Plays the calls of `fit`; returns what was written."""
    written = io.StringIO()
    console = Console(
        file=written, width=width, force_terminal=terminal, soft_wrap=True
    )
    monkeypatch.setattr(training_progress, "console", console)
    # A second passes at every look at the clock, so that every step is drawn.
    clock = types.SimpleNamespace(monotonic=itertools.count().__next__)
    monkeypatch.setattr(training_progress, "time", clock)
    progress = TrainingProgress(epochs, steps=3, validates=True, rows=rows)
    metrics = [types.SimpleNamespace(name=name) for name in ["loss", *TERMS]]
    progress.set_model(types.SimpleNamespace(metrics=metrics))
    with progress:
        progress.on_train_begin()
        for epoch in range(len(rows), epochs):
            progress.on_epoch_begin(epoch)
            for step in range(3):
                progress.on_train_batch_end(step, {"loss": 2.0})
            progress.on_epoch_end(epoch, LOGS)
    return written.getvalue()


def test_one_row_per_epoch_off_a_terminal(monkeypatch):
    lines = train(monkeypatch, width=40).splitlines()
    assert [line.split() for line in lines] == [
        ["epoch", "time", "loss", *TERMS, "validation"],
        ["1/2", "0:04", "1.250", *["0.500"] * 4, "-0.125"],
        ["2/2", "0:04", "1.250", *["0.500"] * 4, "-0.125"],
    ]
    assert len({len(line) for line in lines}) == 1


def test_finished_epochs_are_shown_again(monkeypatch):
    rows = [{"epoch": 1, "seconds": 75.0, **LOGS}]
    lines = train(monkeypatch, rows=rows).splitlines()
    assert lines[1].split()[:2] == ["1/2", "1:15"]
    assert len(lines) == 3


@pytest.mark.parametrize("width, bar", [(100, 12), (82, 0), (60, 0)])
def test_rows_fit_the_terminal(monkeypatch, width, bar):
    written = train(monkeypatch, width=width, terminal=True)
    rows = [row for row in on_screen(written) if row.strip()]
    assert len(rows) == 3
    assert all(len(row) <= max(width, 70) for row in rows)
    assert rows[1].count("━") == rows[2].count("━") == bar
    # Every step was drawn, in place.
    assert written.count("2.000") == 6


def on_screen(written):
    """What a terminal shows after cursor movements, without colours."""
    rows, row, column = [""], 0, 0
    for code, end, other in re.findall(r"\x1b\[([?\d;]*)([A-Za-z])|(.|\n)", written):
        if end == "K":
            rows[row] = ""
        elif end == "A":
            row -= int(code)
        elif other == "\r":
            column = 0
        elif other == "\n":
            row, column = row + 1, 0
            rows += [""] * (row + 1 - len(rows))
        elif other:
            rows[row] = rows[row][:column].ljust(column) + other
            column += 1
    return rows
