"""Training that stops by itself, and goes on where it was interrupted."""

import json
import warnings

import keras

from keras_explainer.command_line.command_error import CommandError
from keras_explainer.files.atomic_file import atomic_file
from keras_explainer.runs.checkpoint import Checkpoint
from keras_explainer.runs.history_file import HistoryFile
from keras_explainer.runs.run_folder import RunFolder


def fit_resumably(build, data, out, *, settings, epochs, patience):
    """Trains a model until its validation loss rests; returns it at its best.

    Args:
        build: Function from the names of the classes to a compiled model.
        data: Function from the epochs already done, for another order of the images
            than theirs, to `tf.data.Dataset`s for training and validation.
        out: Path of the folder to write; if it is there, nothing is trained.
        settings: Dict that decides the result; another one is refused in `out`.
        epochs: int, at most.
        patience: int, epochs without a better validation loss before it stops.
    """
    if out.is_dir():
        check_settings(out, settings)
        return keras.saving.load_model(out / "best.keras")
    out.parent.mkdir(parents=True, exist_ok=True)
    interrupted = any(out.with_name(f"{out.name}.partial").glob("epoch_*.keras"))
    with RunFolder(out, settings, resume=interrupted) as folder:
        start = folder.finished_epochs
        train, validation = data(start)
        if start:
            model = keras.saving.load_model(folder.checkpoint(start))
        else:
            model = build(train.class_names)
        history = HistoryFile(folder)
        best = BestModel(history, folder.file("best.keras"), patience)
        # Keras takes a dataset whose size is known only at its end for a mistake.
        warnings.filterwarnings("ignore", "Your input ran out of data")
        if start < epochs and best.epochs_since < patience:
            model.fit(
                train,
                validation_data=validation,
                initial_epoch=start,
                epochs=epochs,
                callbacks=[history, best, Checkpoint(folder)],
                shuffle=False,  # The dataset shuffles.
                verbose=2,
            )
        folder.finish()
    return keras.saving.load_model(out / "best.keras")


def check_settings(out, settings):
    made_with = json.loads((out / "config.json").read_text())
    for key, value in settings.items():
        if made_with.get(key) != value:
            raise CommandError(
                f"Argument `--{key.replace('_', '-')}` should be {made_with.get(key)}, "
                f"with which {out} was made. Received: {value}"
            )


class BestModel(keras.callbacks.Callback):
    """Keeps the model of the lowest validation loss, and stops when it rests.

    All it knows is in the history, so that an interrupted run goes on alike.

    Args:
        history: The `HistoryFile`, called before.
        path: Path of the `.keras` file.
        patience: int, epochs without a lower loss.
        min_delta: float, by how much a loss must be lower to count.
    """

    def __init__(self, history, path, patience, min_delta=1e-3):
        super().__init__()
        self.history = history
        self.path = path
        self.patience = patience
        self.min_delta = min_delta

    @property
    def epochs_since(self):
        """How many epochs ago the loss was lower than before."""
        best, since = float("inf"), 0
        for row in self.history.rows:
            since += 1
            if row["val_loss"] < best - self.min_delta:
                best, since = row["val_loss"], 0
        return since

    def on_epoch_end(self, epoch, logs=None):
        losses = [row["val_loss"] for row in self.history.rows]
        if losses[-1] == min(losses):
            with atomic_file(self.path) as temporary:
                self.model.save(temporary)
        if self.epochs_since >= self.patience:
            self.model.stop_training = True
