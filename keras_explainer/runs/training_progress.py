"""Training on the screen: one line for each epoch."""

import time

import keras
from rich.live import Live
from rich.text import Text

from keras_explainer.command_line.console import console

# Widths in characters.
_BAR, _GAP, _CLOCK, _FIGURE = 12, 2, 6, 7


class TrainingProgress(keras.callbacks.Callback):
    """Shows a row of values for each epoch, with a bar while it is being trained.

    On a terminal the row of the current epoch is redrawn in its place; elsewhere a
    row is printed when its epoch is over. To be used in a `with` block, which
    leaves the terminal in order whatever happens.

    Args:
        epochs: int. Epochs of the whole training.
        steps: int. Steps of an epoch.
        validates: Boolean. Whether there is a validation loss.
        rows: List of dicts, the values of epochs that are finished already.
    """

    def __init__(self, epochs, steps, validates, rows=()):
        super().__init__()
        self.epochs = epochs
        self.steps = steps
        self.validates = validates
        self.rows = list(rows)
        self.begun = False

    def __enter__(self):
        self.live = Live(console=console, auto_refresh=False, transient=True)
        self.live.start()
        return self

    def __exit__(self, *error):
        self.live.stop()

    def on_train_begin(self, logs=None):
        terms = [metric.name for metric in self.model.metrics if metric.name != "loss"]
        self.columns = ["loss", *terms, *(["val_loss"] if self.validates else [])]
        heads = ["validation" if c == "val_loss" else c for c in self.columns]
        self.epoch_width = 2 * len(str(self.epochs)) + 3
        room = console.width - self.epoch_width - _GAP - _CLOCK
        if console.is_terminal:
            heads = _shortened(heads, room)
        self.widths = [max(_FIGURE, len(head)) for head in heads]
        # The bar has what the values leave free.
        self.bar = min(_BAR, room - _GAP - sum(self.widths) - _GAP * len(heads))
        self.bar = max(0, self.bar) if console.is_terminal else 0
        if self.begun:
            return  # The rest of a parted epoch comes in a training of its own.
        self.begun = True
        self._print(self._row("epoch", "time", heads))
        for row in self.rows:
            self._print(self._epoch_row(row["epoch"], row["seconds"], row))

    def on_epoch_begin(self, epoch, logs=None):
        self.epoch = epoch + 1
        self.start = self.shown = time.monotonic()
        self._show(0, {})

    def on_train_batch_end(self, batch, logs=None):
        if time.monotonic() - self.shown > 0.2:
            self._show(batch + 1, logs)

    def on_epoch_end(self, epoch, logs=None):
        seconds = time.monotonic() - self.start
        self.live.update(Text(""), refresh=True)
        self._print(self._epoch_row(self.epoch, seconds, logs))

    def _show(self, step, logs):
        if console.is_terminal:
            self.shown = time.monotonic()
            share = min(1.0, step / self.steps)
            row = self._epoch_row(self.epoch, self.shown - self.start, logs, share)
            self.live.update(row, refresh=True)

    def _epoch_row(self, epoch, seconds, logs, share=1.0):
        minutes, seconds = divmod(round(seconds), 60)
        values = [f"{logs[c]:.3f}" if c in logs else "" for c in self.columns]
        return self._row(
            f"{epoch}/{self.epochs}", f"{minutes}:{seconds:02d}", values, share
        )

    def _row(self, epoch, clock, cells, share=None):
        row = Text(epoch.rjust(self.epoch_width), no_wrap=True)
        if self.bar:
            done = round(self.bar * (share or 0))
            row.append(" " * _GAP)
            row.append(("" if share is None else "━") * done, "green")
            row.append((" " if share is None else "━") * (self.bar - done), "dim")
        row.append(" " * _GAP + clock.rjust(_CLOCK))
        for cell, width in zip(cells, self.widths):
            row.append(" " * _GAP + cell.rjust(width))
        if share is None:
            row.stylize("bold")
        return row

    def _print(self, row):
        console.print(row, crop=False, overflow="ignore")


def _shortened(heads, room):
    """Returns column heads cut so that the columns fit, but for the values' width."""
    heads = list(heads)
    while (
        sum(_GAP + max(_FIGURE, len(head)) for head in heads) > room
        and max(map(len, heads)) > _FIGURE
    ):
        longest = max(range(len(heads)), key=lambda i: len(heads[i]))
        heads[longest] = heads[longest].rstrip("…")[:-1] + "…"
    return heads
