"""A folder of results that appears whole or not at all."""

import contextlib
import json
import os
import pathlib
import re
import shutil

import keras_explainer
from keras_explainer.commands.command_error import UsageError
from keras_explainer.whole_file import whole_file

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None

_CHECKPOINTS = "epoch_*.keras"


class RunFolder:
    """The folder that a command writes, whole or not at all.

    Inside the `with` block `path` is `<out>.partial`; `finish` gives it its name.
    If the block fails, a training that has finished an epoch, or whatever else has
    left `kept_files`, stays in `<out>.partial`, to be resumed; anything else is
    removed.

    Args:
        out: Path of the folder.
        settings: Dict of JSON values that decide the result; written to
            `config.json`. A resumed run must have the same.
        force: Boolean. Whether an earlier result in `out` is replaced, once the
            new one is whole.
        resume: Boolean. Whether to go on in `<out>.partial`.

    Raises:
        UsageError: If `out` is in use, there is nothing to resume, or `settings`
            differ from those of the run to be resumed.
    """

    # Files that an interrupted run leaves to be resumed, and when it does.
    kept_files = _CHECKPOINTS
    resumed_after = "its first epoch"

    def __init__(self, out, settings, *, force=False, resume=False):
        self.out = pathlib.Path(out)
        home = pathlib.Path(os.path.abspath(out))
        self.path = home.with_name(f"{home.name}.partial")
        self.settings = settings
        self.force = force
        self.resume = resume
        interrupted = self.can_resume
        # Killed before there was anything to keep, a run begins again.
        begun = interrupted or _is_result(self.path)
        if resume and not begun:
            found = "a finished run" if _is_result(self.out) else "none"
            raise UsageError(
                "Argument --resume should be given for a run that was interrupted "
                f"after {self.resumed_after}. Received: {found} in {self.out}"
            )
        if resume:
            self._check_same_settings()
        self._check_free()
        if interrupted and not (resume or force):
            raise UsageError(
                "Argument --out should be a new folder, or come with --resume to "
                "continue or --force to start again. Received: "
                f"{self.out}, where a run was interrupted {self.progress}"
            )

    def __enter__(self):
        self.path.mkdir(parents=True, exist_ok=True)
        self._lock = open(self.path / ".lock", "w")
        try:
            if fcntl:
                fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            self._lock.close()
            raise UsageError(
                "Argument --out should be a folder that no other process writes. "
                f"Received: {self.out}"
            ) from None
        if not self.resume:
            self._start_afresh()
        return self

    def __exit__(self, kind, error, traceback):
        self._lock.close()
        if error is not None and not self.can_resume:
            shutil.rmtree(self.path, ignore_errors=True)

    @property
    def can_resume(self):
        """Whether there is an interrupted run to be resumed."""
        return any(self.path.glob(self.kept_files))

    @property
    def progress(self):
        """How far an interrupted run has come, in words."""
        return f"after epoch {self.finished_epochs}"

    @property
    def finished_epochs(self):
        """How many epochs the training here has finished."""
        return self.reached[0]

    @property
    def reached(self):
        """How many epochs are finished, and how many steps of the one after them."""
        stems = [path.stem for path in self.path.glob(_CHECKPOINTS)]
        numbers = [[int(n) for n in re.findall(r"\d+", stem)] for stem in stems]
        return max(((n[0], sum(n[1:])) for n in numbers), default=(0, 0))

    def checkpoint(self, epochs, steps=0):
        """Returns the path of the explainer after epochs, and steps of the next one."""
        parted = f"_step_{steps:06d}" if steps else ""
        return self.path / f"epoch_{epochs:03d}{parted}.keras"

    def drop_checkpoints(self, keep=None):
        """Removes all checkpoints but the one at the path `keep`."""
        for path in self.path.glob(_CHECKPOINTS):
            if path != keep:
                path.unlink()

    def write_json(self, name, content):
        self.write_text(name, json.dumps(content, indent=2) + "\n")

    def write_text(self, name, text):
        """Writes a text file, whole or not at all."""
        with whole_file(self.path / name) as beside:
            beside.write_text(text, encoding="utf-8")

    def finish(self):
        """Gives the folder its name; an earlier result is removed after that."""
        self._lock.close()
        (self.path / ".lock").unlink()
        old = self.path.with_suffix(".old")
        with contextlib.suppress(FileNotFoundError):
            if not self.force:
                self.out.rmdir()  # Fails where something came in the meantime.
            else:
                shutil.rmtree(old, ignore_errors=True)
                os.rename(self.out, old)
        os.rename(self.path, self.out)
        shutil.rmtree(old, ignore_errors=True)
        self.path = self.out
        self.drop_checkpoints()

    def _start_afresh(self):
        entries = [entry for entry in self.path.iterdir() if entry.name != ".lock"]
        if entries and not _is_result(self.path):
            raise UsageError(
                "Argument --out should leave the name of its working folder free. "
                f"Received: {self.out}, with other files in {self.path}"
            )
        for entry in entries:
            shutil.rmtree(entry) if entry.is_dir() else entry.unlink()
        version = keras_explainer.__version__
        config = {**self.settings, "keras_explainer": version, "force": self.force}
        self.write_json("config.json", config)

    def _check_free(self):
        received = f"Received: {self.out}, which "
        if not self.out.exists():
            return
        if not self.out.is_dir():
            raise UsageError(f"Argument --out should be a folder. {received}is a file")
        if not any(self.out.iterdir()):
            return
        if not _is_result(self.out):
            raise UsageError(
                f"Argument --out should be a new folder. {received}holds files that "
                "are not of keras-explainer and are not replaced"
            )
        if not self.force:
            raise UsageError(
                "Argument --out should be a new folder, or come with --force to "
                f"replace it. {received}exists"
            )

    def _check_same_settings(self):
        config = _read_config(self.path)
        self.force = config.get("force", False)
        for key, value in self.settings.items():
            if config.get(key) != value:
                raise UsageError(
                    f"Argument --{key.replace('_', '-')} should be "
                    f"{_shown(config.get(key))}, as in the run that --resume "
                    f"continues. Received: {_shown(value)}"
                )


def _is_result(folder):
    return "keras_explainer" in _read_config(folder)


def _read_config(folder):
    try:
        config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return config if isinstance(config, dict) else {}


def _shown(value):
    if value is None or value is False:
        return "left out"
    if value is True:
        return "given"
    return ",".join(value) if isinstance(value, list) else str(value)
