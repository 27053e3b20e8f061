"""The metrics of a training, epoch by epoch, in `history.csv`."""

import csv
import io
import math
import time

import keras

from keras_explainer.command_line.command_error import CommandError


class HistoryFile(keras.callbacks.Callback):
    """Writes `history.csv` after every epoch, whole or not at all.

    Args:
        folder: The `RunFolder`; the rows of its finished epochs are kept.

    Raises:
        CommandError: At the end of an epoch, if the loss is not a finite number.
    """

    def __init__(self, folder):
        super().__init__()
        self.folder = folder
        self.rows = read_history(folder.path / "history.csv")[: folder.finished_epochs]

    def on_epoch_begin(self, epoch, logs=None):
        self._start = time.monotonic()

    def on_epoch_end(self, epoch, logs=None):
        if not math.isfinite(logs["loss"]):
            raise CommandError(
                "Training should keep the loss finite; look for broken images or "
                f"weights. Received: a loss of {logs['loss']} in epoch {epoch + 1}"
            )
        seconds = round(time.monotonic() - self._start, 2)
        # The loss first, and no more digits than a float32 has.
        metrics = {"seconds": seconds, "loss": logs["loss"], **logs}
        metrics = {name: float(f"{value:.6g}") for name, value in metrics.items()}
        self.rows.append({"epoch": epoch + 1, **metrics})
        text = io.StringIO()
        table = csv.DictWriter(text, list(self.rows[-1]), lineterminator="\n")
        table.writeheader()
        table.writerows(self.rows)
        self.folder.write_text("history.csv", text.getvalue())


def read_history(path):
    """Returns the rows of a `history.csv` as dicts of numbers, none without it."""
    if not path.exists():
        return []
    with open(path, encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    return [
        {key: int(text) if key == "epoch" else float(text) for key, text in row.items()}
        for row in rows
    ]
