"""A folder that is there whole or not at all, and leaves nothing beside."""

import subprocess
import sys

import pytest

from keras_explainer.files import atomic_folder as module
from keras_explainer.files.atomic_folder import atomic_folder

KILLED = """
import os, pathlib, signal, sys
from keras_explainer.files.atomic_folder import atomic_folder

with atomic_folder(pathlib.Path(sys.argv[1])) as folder:
    (folder / "half.txt").write_text("half")
    os.kill(os.getpid(), signal.SIGKILL)
"""


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def write(path):
    with atomic_folder(path) as folder:
        (folder / "sub").mkdir()
        (folder / "sub" / "a.txt").write_text("a")
        assert not path.exists()


def test_whole_or_not_at_all(tmp_path):
    write(tmp_path / "new" / "1")
    assert names(tmp_path / "new") == ["1"] and names(tmp_path / "new" / "1") == ["sub"]
    with pytest.raises(ZeroDivisionError):
        with atomic_folder(tmp_path / "new" / "2") as folder:
            (folder / "a.txt").write_text("a")
            raise ZeroDivisionError
    assert names(tmp_path / "new") == ["1"]


def test_what_a_killed_process_left_is_removed(tmp_path):
    pytest.importorskip("fcntl")
    killed = subprocess.run([sys.executable, "-c", KILLED, str(tmp_path / "1")])
    assert killed.returncode == -9
    (left,) = names(tmp_path)
    assert left.startswith(".1-")
    write(tmp_path / "2")  # Another folder's.
    assert names(tmp_path) == [left, "2"]
    write(tmp_path / "1")
    assert names(tmp_path) == ["1", "2"]


def test_nothing_else_is_removed(tmp_path):
    for name in (".1-notes", ".1-0123abcd", ".11-0123abcd", "1-0123abcd"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "mine.txt").write_text("mine")
    before = names(tmp_path)
    with atomic_folder(tmp_path / "1"):
        # Two at once: the second leaves the first alone.
        with pytest.raises(ZeroDivisionError), atomic_folder(tmp_path / "1"):
            assert len(names(tmp_path)) == len(before) + 2
            raise ZeroDivisionError
        assert len(names(tmp_path)) == len(before) + 1
    assert names(tmp_path) == sorted([*before, "1"])
    assert module._LOCK not in names(tmp_path / "1")
