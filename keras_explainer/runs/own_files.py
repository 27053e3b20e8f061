"""What a run has written into its folder, and may remove: nothing else."""

import contextlib
import fnmatch
import json
import os
import pathlib

from keras_explainer.files.atomic_file import atomic_file
from keras_explainer.files.atomic_file import final_path

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None

CONFIG, LOCK = "config.json", ".lock"


class OwnFiles:
    """The files of a run: noted in `.lock` as it goes, in `config.json` at its end.

    Each is noted before it is written, so that a run may be killed at any moment.

    Args:
        folder: Path of the folder, which may not exist.
    """

    def __init__(self, folder):
        self.folder = pathlib.Path(folder)
        self._names = set()
        self._open = None
        if self.config:
            self._names |= {CONFIG, *self.config.get("files", ())}
        with contextlib.suppress(OSError):
            text = (self.folder / LOCK).read_text(encoding="utf-8")
            for line in text.splitlines():
                with contextlib.suppress(ValueError):  # Killed within the line.
                    self._names.add(json.loads(line))
            self._names.add(LOCK)

    @property
    def config(self):
        """The dict in `config.json`; an empty one if it is not of this package."""
        try:
            config = json.loads((self.folder / CONFIG).read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return {}
        is_ours = isinstance(config, dict) and "keras_explainer" in config
        return config if is_ours else {}

    @property
    def is_whole(self):
        """Whether the run has come to its end, apart from the name of the folder."""
        return "files" in self.config

    def lock(self):
        """Locks the folder, until `unlock`; returns whether no other process has it."""
        path = self.folder / LOCK
        self._open = open(path, "a", encoding="utf-8")
        self._names.add(LOCK)
        if fcntl is None:
            return True
        try:
            fcntl.flock(self._open, fcntl.LOCK_EX | fcntl.LOCK_NB)
            # It may have been renamed or removed just before.
            here = os.path.samestat(os.fstat(self._open.fileno()), os.stat(path))
        except (BlockingIOError, FileNotFoundError):
            here = False
        except OSError:  # A file system without locks.
            here = True
        if not here:
            self._open.close()
        return here

    def unlock(self):
        self._open.close()

    def note(self, name):
        """Notes a file, by its name inside the folder."""
        if name not in self._names:
            self._names.add(name)
            self._open.write(json.dumps(name) + "\n")
            self._open.flush()

    def found(self, pattern="*"):
        """Returns the names of the files in the folder that are the run's own."""
        own = [name for name in self._walk() if self._is_own(name)]
        return [name for name in own if fnmatch.fnmatch(name, pattern)]

    def foreign_files(self):
        """Returns the names of all other files in the folder."""
        return [name for name in self._walk() if not self._is_own(name)]

    def remove_unfinished(self):
        """Removes what killed processes were writing beside files."""
        for name in self.found():
            if final_path(name) != pathlib.Path(name):
                (self.folder / name).unlink(missing_ok=True)

    def remove(self, *, keep_lock=False):
        """Removes the run's own files, and what folders are empty then.

        Returns:
            Whether the folder is gone.
        """
        # The lists of what is to be removed come last.
        for name in set(self.found()) - {CONFIG, LOCK}:
            (self.folder / name).unlink(missing_ok=True)
        inside = {
            parent for name in self._names for parent in pathlib.Path(name).parents[:-1]
        }
        for parent in sorted(inside, key=lambda path: -len(path.parts)):
            with contextlib.suppress(OSError):  # Not empty.
                (self.folder / parent).rmdir()
        for name in (CONFIG, *(() if keep_lock else (LOCK,))):
            if name in self._names:
                (self.folder / name).unlink(missing_ok=True)
        with contextlib.suppress(OSError):
            self.folder.rmdir()
        return not self.folder.exists()

    def remove_notes(self):
        """Removes `.lock`: what is in the folder now is the result."""
        (self.folder / LOCK).unlink(missing_ok=True)

    def _is_own(self, name):
        return final_path(name).as_posix() in self._names or name in self._names

    def _walk(self):
        """Yields the names of all files, and of links, which are not followed."""
        for folder, folders, files in os.walk(self.folder):
            links = [name for name in folders if os.path.islink(f"{folder}/{name}")]
            for name in [*files, *links]:
                path = pathlib.Path(folder, name)
                yield path.relative_to(self.folder).as_posix()


def note_in_result(folder, name):
    """Notes a file that is added to a finished run, so that it is replaced with it."""
    config = OwnFiles(folder).config
    if name not in config.get("files", [name]):
        config["files"] = [*config["files"], name]
        with atomic_file(pathlib.Path(folder) / CONFIG) as temporary:
            temporary.write_text(json.dumps(config, indent=2) + "\n", encoding="utf-8")
