"""A folder of results that appears whole or not at all."""

import contextlib
import json
import os
import pathlib
import re
import sys
import uuid

import keras_explainer
from keras_explainer.command_line.command_error import CommandError
from keras_explainer.command_line.command_error import UsageError
from keras_explainer.files.atomic_file import atomic_file
from keras_explainer.runs.own_files import CONFIG
from keras_explainer.runs.own_files import LOCK
from keras_explainer.runs.own_files import OwnFiles

_CHECKPOINTS, _MEASURED = "epoch_[0-9]*.keras", "measured/*.npz"


class RunFolder:
    """The folder that a command writes, whole or not at all.

    Inside the `with` block `path` is `<out>.partial`; `finish` gives it its name. If
    the block fails, a training that has finished an epoch and an evaluation that has
    measured an image stay in `<out>.partial`, to be resumed; all else is removed.

    Nothing is ever removed but what was written by way of `file`, which notes it: first
    beside the lock, and of a finished run in `config.json`. Killed at any moment, the
    run, or the result that it was to replace, is whole and has a name: a run that was
    killed when only the renaming was left is finished by `--resume`, or by the next
    command with this `--out`.

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

    # When an interrupted run can be resumed.
    resumed_after = "its first epoch"
    # Settings that do not decide the result: a resumed run may have others.
    changeable_settings = ()

    def __init__(self, out, settings, *, force=False, resume=False):
        self.out = pathlib.Path(out)
        # Where a link leads to, so that all renaming is on one disk.
        self._home = pathlib.Path(os.path.realpath(out))
        self.path = self._home.with_name(f"{self._home.name}.partial")
        self.settings = settings
        self.force = force
        self.resume = resume
        self._ended = False
        self._finish_renaming()
        interrupted = self.can_resume
        # Killed before there was anything to keep, a run begins again.
        begun = interrupted or OwnFiles(self.path).config
        if resume and not begun:
            found = "a finished run" if OwnFiles(self._home).config else "none"
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
        foreign = OwnFiles(self.path).foreign_files()
        if foreign and not resume:
            raise UsageError(
                "Argument --out should leave the name of its working folder free. "
                f"Received: {self.out}, with other files in {self.path}, such as "
                f"{foreign[0]}"
            )

    def __enter__(self):
        self.path.mkdir(parents=True, exist_ok=True)
        self._own = OwnFiles(self.path)
        if not self._own.lock():
            raise UsageError(
                "Argument --out should be a folder that no other process writes. "
                f"Received: {self.out}"
            )
        try:
            self._begin()
        except BaseException:
            self._own.unlock()
            raise
        return self

    def __exit__(self, kind, error, traceback):
        if error is not None and not (self.can_resume or self._ended):
            self._own.remove()
        self._own.unlock()

    @property
    def can_resume(self):
        """Whether there is an interrupted run to be resumed, of any command."""
        return bool(self._written(_CHECKPOINTS) or self._written(_MEASURED))

    @property
    def progress(self):
        """How far an interrupted run has come, in words."""
        methods = [path.stem for path in self._written(_MEASURED)]
        if methods:
            return f"after images of {', '.join(methods)}"
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

    def file(self, name):
        """Returns the path of a file to write, which is removed with the run.

        Args:
            name: String, the name inside the folder, such as "pictures/gallery.png".
        """
        self._own.note(name)
        return self.path / name

    def checkpoint(self, epochs, steps=0):
        """Returns the path of the explainer after epochs, and steps of the next one."""
        parted = f"_step_{steps:06d}" if steps else ""
        return self.file(f"epoch_{epochs:03d}{parted}.keras")

    def remove_checkpoints(self, keep=None):
        """Removes all checkpoints but the one at the path `keep`."""
        for name in self._own.found(_CHECKPOINTS):
            if self.path / name != keep:
                (self.path / name).unlink()

    def write_json(self, name, content):
        self.write_text(name, json.dumps(content, indent=2) + "\n")

    def write_text(self, name, text):
        """Writes a text file, whole or not at all."""
        with atomic_file(self.file(name)) as temporary:
            temporary.write_text(text, encoding="utf-8")

    def finish(self):
        """Gives the folder its name; an earlier result is removed after that."""
        self._ended = True
        self._own.remove_unfinished()
        checkpoints = set(self._own.found(_CHECKPOINTS))
        files = {*self._own.found(), *self._own.foreign_files()} - checkpoints - {LOCK}
        config = {**self._own.config, "files": sorted(files)}
        # The mark of where an earlier result goes until this one has its place.
        config.setdefault("replaced", uuid.uuid4().hex[:8])
        self.write_json(CONFIG, config)
        try:
            self._rename_to_out()
        except OSError as error:
            raise CommandError(
                "Argument --out should be a name that the result, which is whole, can "
                f"be given; rename {self.path}. "
                f"Received: {self.out} ({error.strerror or error})"
            ) from error

    def _written(self, pattern):
        """Returns paths of files, but not of what a killed process was writing."""
        found = sorted(self.path.glob(pattern))
        return [path for path in found if not path.name.startswith(".")]

    def _begin(self):
        if self.resume:
            self._own.remove_unfinished()
            return
        self._own.remove(keep_lock=True)
        version = keras_explainer.__version__
        config = {**self.settings, "keras_explainer": version, "force": self.force}
        self.write_json(CONFIG, config)

    # === From a working folder to a result ===

    def _rename_to_out(self):
        """Renames what is whole. The lock is held until it is done."""
        config, aside = self._own.config, self._aside
        if self._home.exists() and config["force"] and OwnFiles(self._home).config:
            os.rename(self._home, aside)
        elif self._home.exists():
            self._home.rmdir()  # Fails where something came in the meantime.
        if os.name == "nt":  # Which renames no folder with an open file in it.
            self._own.unlock()
        try:
            os.rename(self.path, self._home)
        except OSError:
            if aside.exists():
                os.rename(aside, self._home)
            raise
        self.path = self._own.folder = self._home
        self._remove_leftovers()

    @property
    def _aside(self):
        """Where an earlier result goes until this one has its place."""
        mark = re.sub("[^0-9a-f]", "", self._own.config["replaced"])
        return self._home.with_name(f".{self._home.name}-{mark}")

    def _remove_leftovers(self):
        """Removes what a result that has its name needs no longer."""
        aside = self._aside
        with contextlib.suppress(OSError):  # It is no matter of the result.
            for name in self._own.found(_CHECKPOINTS):
                (self._home / name).unlink()
            earlier = OwnFiles(aside)
            known = earlier.is_whole or not earlier.found()
            if aside.exists() and not (known and earlier.remove()):
                print(
                    f"warning: {aside} keeps what was added to the earlier result in "
                    f"{self.out}",
                    file=sys.stderr,
                )
            self._own.remove_notes()

    def _finish_renaming(self):
        """Does what a run that was killed in the middle of `finish` did not come to."""
        working, steps = self.path, [(self._home, self._remove_leftovers)]
        if not self.resume:  # Else it comes to its end once more.
            steps.append((working, self._rename_to_out))
        for folder, go_on in steps:
            self._own = OwnFiles(folder)
            if not (self._own.is_whole and (folder / LOCK).exists()):
                continue
            if self._own.lock():
                try:
                    with contextlib.suppress(OSError):  # Who needs the name is told.
                        go_on()
                finally:
                    self._own.unlock()
        self.path = working

    # === What is refused ===

    def _check_free(self):
        received = f"Received: {self.out}, which "
        if not self._home.exists():
            return
        if not self._home.is_dir():
            raise UsageError(f"Argument --out should be a folder. {received}is a file")
        if os.path.ismount(self._home):
            raise UsageError(
                "Argument --out should be a folder inside of the one that a disk is "
                f"mounted on. {received}cannot be renamed"
            )
        if not any(self._home.iterdir()):
            return
        own = OwnFiles(self._home)
        if not own.config:
            raise UsageError(
                f"Argument --out should be a new folder. {received}holds files that "
                "are not of keras-explainer and are not replaced"
            )
        if not self.force:
            raise UsageError(
                "Argument --out should be a new folder, or come with --force to "
                f"replace it. {received}exists"
            )
        # Of a result that does not say what belongs to it, nothing is removed.
        foreign = own.foreign_files() if own.is_whole else []
        if foreign:
            raise UsageError(
                "Argument --out should hold nothing but an earlier result, to be "
                f"replaced by --force. {received}also holds {foreign[0]}"
            )

    def _check_same_settings(self):
        config = OwnFiles(self.path).config
        self.force = config.get("force", False)
        for key, value in self.settings.items():
            if key not in self.changeable_settings and config.get(key) != value:
                raise UsageError(
                    f"Argument --{key.replace('_', '-')} should be "
                    f"{_shown(config.get(key))}, as in the run that --resume "
                    f"continues. Received: {_shown(value)}"
                )


def _shown(value):
    if value is None or value is False:
        return "left out"
    if value is True:
        return "given"
    return ",".join(value) if isinstance(value, list) else str(value)
