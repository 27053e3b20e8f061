"""Training on after a run is finished."""

import json
import os
import pathlib
import shutil

from keras_explainer.command_line.command_error import UsageError
from keras_explainer.files.atomic_folder import atomic_folder
from keras_explainer.runs.history_file import read_history
from keras_explainer.runs.own_files import CONFIG
from keras_explainer.runs.own_files import LOCK
from keras_explainer.runs.own_files import OwnFiles
from keras_explainer.runs.run_folder import RunFolder


def resumed_training(out, settings):
    """Opens the run that `train --resume` continues: interrupted, or finished.

    A finished run stays as it is until the longer one is whole and takes its place.

    Args:
        out: Path of the run folder.
        settings: As of `RunFolder`; of a finished run all but `epochs` are the same.

    Returns:
        Tuple of a `RunFolder`, and of whether the run was finished.

    Raises:
        UsageError: If the training has had as many epochs, or as of `RunFolder`.
    """
    home = pathlib.Path(os.path.realpath(out))
    working = home.with_name(f"{home.name}.partial")
    is_finished = _prolong(home, working, settings["epochs"])
    try:
        return RunFolder(out, settings, resume=True), is_finished
    except UsageError:
        if is_finished:
            OwnFiles(working).remove()
        raise


def _prolong(home, working, epochs):
    """Writes a finished training as one that was interrupted, if there is one."""
    config = OwnFiles(home).config
    if not OwnFiles(home).is_whole or config.get("command") != "train":
        return False
    if working.exists() or not (home / "explainer.keras").is_file():
        return False
    finished = len(read_history(home / "history.csv"))
    if epochs <= finished:
        raise UsageError(
            f"Argument --epochs should be more than {finished} for --resume, which "
            f"trains on after a finished run. Received: {epochs}"
        )
    pictures = OwnFiles(home).found("pictures/epoch_*.png")
    checkpoint = f"epoch_{finished:03d}.keras"
    copied = {"history.csv": "history.csv", "explainer.keras": checkpoint}
    copied |= {name: name for name in pictures}
    config = {**config, "epochs": epochs, "force": True}
    for note in ("files", "replaced"):
        config.pop(note, None)
    with atomic_folder(working) as folder:
        (folder / "pictures").mkdir()
        for name, name_there in copied.items():
            shutil.copy(home / name, folder / name_there)
        notes = [json.dumps(name) for name in copied.values()]
        (folder / LOCK).write_text("\n".join(notes) + "\n", encoding="utf-8")
        text = json.dumps(config, indent=2) + "\n"
        (folder / CONFIG).write_text(text, encoding="utf-8")
    return True
