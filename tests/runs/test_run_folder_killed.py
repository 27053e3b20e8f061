"""A run folder that is killed or fails at every single step of the file system."""

import contextlib
import json
import os
import sys

import keras
import numpy as np
import pytest
from conftest import tiny_classifier

import keras_explainer as kx
from keras_explainer.command_line.command_error import CommandError
from keras_explainer.command_line.command_error import UsageError
from keras_explainer.evaluation import MethodResult
from keras_explainer.runs.checkpoint import Checkpoint
from keras_explainer.runs.evaluation_folder import EvaluationFolder
from keras_explainer.runs.own_files import OwnFiles
from keras_explainer.runs.own_files import note_in_result
from keras_explainer.runs.run_folder import RunFolder

SETTINGS = {"command": "train", "epochs": 2}
# What belongs to the user, beside the run.
USERS = {
    "a.old/backup.txt": "years",
    ".a-notes/notes.txt": "of",
    "a.partial.old/b.txt": "work",
    "a_old/result.txt": "!",
}
CHANGES = {"os.rename", "os.remove", "os.rmdir", "os.mkdir", "open"}


class Killed(BaseException):
    """The process is gone: nothing is tidied up."""


def killed_in(number):
    return lambda n: Killed() if n == number else None


class Changes:
    """Counts changes of the file system, and fails in the one that is wanted.

    Args:
        failing: Function from a number to an exception, or None.
    """

    hook = None  # Cannot be taken away again, and is the same for all.

    def __init__(self, folder, failing, events=CHANGES):
        self.folder, self.failing, self.events = str(folder), failing, events

    def __enter__(self):
        self.count = 0
        if Changes.hook is None:
            Changes.hook = hook = []  # Outlives this module's names, as the hook does.
            sys.addaudithook(lambda *event: [see(*event) for see in hook])
        Changes.hook[:] = [self.see]
        return self

    def __exit__(self, *error):
        Changes.hook.clear()

    def see(self, event, args):
        if event not in self.events or self.folder not in str(args[0]):
            return
        if event == "open" and not (isinstance(args[1], str) and args[1] in "wax"):
            return
        self.count += 1
        error = self.failing(self.count)
        if error is not None:
            raise error


def run(out, text, *, kill=False, **kwargs):
    """What a training does: two epochs, pictures, and the result."""
    folder = RunFolder(out, SETTINGS, **kwargs)
    with folder if not kill else without_exit(folder):
        for epoch in range(folder.finished_epochs + 1, 3):
            picture = folder.file(f"pictures/{epoch}.png")
            picture.parent.mkdir(exist_ok=True)
            picture.write_text("picture")
            folder.write_text("history.csv", "x" * epoch)
            folder.write_text(f"epoch_{epoch:03d}.keras", text)
            folder.remove_checkpoints(keep=folder.checkpoint(epoch))
        folder.write_text("result.txt", text)
        folder.finish()


@contextlib.contextmanager
def without_exit(folder):
    folder.__enter__()
    try:
        yield
    finally:
        folder._own.unlock()  # As when a process ends.


def content(folder):
    return {
        path.relative_to(folder).as_posix(): path.read_text()
        for path in folder.rglob("*")
        if path.is_file()
    }


def assert_result(folder, text):
    found = content(folder)
    names = ["config.json", "history.csv", "pictures/1.png", "pictures/2.png"]
    assert sorted(found) == [*names, "result.txt"]
    assert found["result.txt"] == text and found["history.csv"] == "xx"
    files = json.loads(found["config.json"])["files"]
    assert files == sorted(found)


def prepare(home, earlier):
    for name, text in USERS.items():
        (home / name).parent.mkdir(parents=True, exist_ok=True)
        (home / name).write_text(text)
    if earlier:
        run(home / "a", "first")


def assert_users_files_are_there(home):
    found = content(home)
    assert {name: found.get(name) for name in USERS} == USERS


def whole_results(home):
    """What texts of whole results are there, wherever a user would find them."""
    return {
        (path / "result.txt").read_text()
        for path in home.iterdir()
        if all((path / n).exists() for n in OwnFiles(path).config.get("files", [""]))
        and OwnFiles(path).is_whole
    }


def end_as_a_user_would(out, text, earlier):
    """Returns whether the same command ends with the result, with what it asks for."""
    force = {"force": True} if earlier else {}
    try:
        run(out, text, **force)
    except UsageError as error:
        said = str(error)
        if "--resume to continue" in said:
            run(out, text, resume=True)
        else:  # The killed run has been finished by this one.
            assert "or come with --force to replace it" in said


@pytest.mark.parametrize("resume", [False, True])
@pytest.mark.parametrize("earlier", [False, True])
def test_killed_before_any_change(tmp_path, earlier, resume):
    """At each instant an old or a new result is whole; the next command ends well."""
    number, ended = 0, False
    while not ended:
        number += 1
        home = tmp_path / str(number)
        home.mkdir()
        prepare(home, earlier)
        force = {"force": True} if earlier else {}
        try:
            with Changes(home, killed_in(number)):
                run(home / "a", "second", kill=True, **force)
            ended = True
        except Killed:
            pass
        assert_users_files_are_there(home)
        if earlier:
            assert whole_results(home)
        if resume and list((home / "a.partial").glob("epoch_*.keras")):
            run(home / "a", "second", resume=True)
        elif not ended:
            end_as_a_user_would(home / "a", "second", earlier)
        assert_result(home / "a", "second")
        assert_users_files_are_there(home)
        assert {p.name for p in home.iterdir()} == {
            "a",
            *(u.split("/")[0] for u in USERS),
        }
    assert number > 20


@pytest.mark.slow
def test_killed_twice(tmp_path):
    """Also when what goes on after the first kill is killed."""
    for first in range(26, 40):
        for second in (1, 3, 6):
            home = tmp_path / f"{first}_{second}"
            home.mkdir()
            prepare(home, True)
            for number in (first, second):
                with contextlib.suppress(Killed, UsageError):
                    with Changes(home, killed_in(number)):
                        run(home / "a", "second", kill=True, force=True)
                assert whole_results(home)
                assert_users_files_are_there(home)
            end_as_a_user_would(home / "a", "second", True)
            assert_result(home / "a", "second")


@pytest.mark.parametrize("lasting", [False, True])
@pytest.mark.parametrize("number", [1, 2, 3])
@pytest.mark.parametrize("earlier", [False, True])
def test_renaming_that_fails(tmp_path, monkeypatch, earlier, number, lasting):
    prepare(tmp_path, earlier)
    rename, calls = os.rename, []

    def fail(source, target):
        calls.append(source)
        if len(calls) == number or (lasting and len(calls) > number):
            raise PermissionError(13, "Permission denied")
        rename(source, target)

    monkeypatch.setattr(os, "rename", fail)
    try:
        run(tmp_path / "a", "second", force=earlier)
    except CommandError as error:
        assert str(error) == (
            "Argument --out should be a name that the result, which is whole, can be "
            f"given; rename {tmp_path}/a.partial. "
            f"Received: {tmp_path}/a (Permission denied)"
        )
        # The earlier one has its name again, unless that could not be given either.
        assert whole_results(tmp_path) == {"second", *(["first"] if earlier else [])}
        if earlier and not (number == 2 and lasting):
            assert_result(tmp_path / "a", "first")
    else:
        assert number > 1 + earlier
    assert_users_files_are_there(tmp_path)
    monkeypatch.undo()
    end_as_a_user_would(tmp_path / "a", "second", earlier)
    assert_result(tmp_path / "a", "second")
    assert_users_files_are_there(tmp_path)


def test_an_error_after_the_end(tmp_path):
    with pytest.raises(ZeroDivisionError):
        with RunFolder(tmp_path / "a", SETTINGS) as folder:
            folder.write_text("result.txt", "first")
            folder.finish()
            raise ZeroDivisionError
    assert (tmp_path / "a" / "result.txt").read_text() == "first"


def test_an_error_while_it_ends(tmp_path, monkeypatch):
    def fail(*args):
        raise OSError(28, "No space left on device")

    with pytest.raises(OSError, match="No space left"):
        with RunFolder(tmp_path / "a", SETTINGS) as folder:
            folder.write_text("result.txt", "first")
            monkeypatch.setattr(folder, "write_json", fail)
            folder.finish()
    assert (tmp_path / "a.partial" / "result.txt").read_text() == "first"


def test_the_backup_of_an_earlier_run_stays(tmp_path):
    run(tmp_path / "a", "first")
    (tmp_path / "a").rename(tmp_path / "a.old")
    before = content(tmp_path / "a.old")
    run(tmp_path / "a", "second")
    run(tmp_path / "a", "third", force=True)
    assert content(tmp_path / "a.old") == before
    assert_result(tmp_path / "a", "third")
    assert {path.name for path in tmp_path.iterdir()} == {"a", "a.old"}


def test_the_lock_is_held_over_the_renaming(tmp_path, monkeypatch):
    pytest.importorskip("fcntl")
    rename, refused = os.rename, []

    def try_another(source, target):
        for folder in (tmp_path / "a.partial", tmp_path / "a"):
            if (folder / ".lock").exists():
                refused.append(not OwnFiles(folder).lock())
        rename(source, target)
        refused.append(not OwnFiles(target).lock() if target.name == "a" else True)

    run(tmp_path / "a", "first")
    monkeypatch.setattr(os, "rename", try_another)
    run(tmp_path / "a", "second", force=True)
    assert len(refused) == 4 and all(refused)


class HalfSaved:
    """A model that is killed in the middle of its file, which Keras writes in place."""

    def __init__(self, kill):
        self.kill = kill

    def save(self, path):
        path.write_text("half")
        if self.kill:
            raise Killed
        path.write_text("whole")


def test_killed_while_a_checkpoint_is_saved(tmp_path):
    folder = RunFolder(tmp_path / "a", SETTINGS)
    with pytest.raises(Killed), without_exit(folder):
        for epoch in range(2):
            checkpoint = Checkpoint(folder)
            checkpoint.set_model(HalfSaved(kill=epoch == 1))
            checkpoint.on_epoch_end(epoch)
    with RunFolder(tmp_path / "a", SETTINGS, resume=True) as folder:
        assert folder.reached == (1, 0)
        assert folder.checkpoint(1).read_text() == "whole"
        assert not list(folder.path.glob(".epoch*"))
        folder.finish()


def evaluation(out, kill, **kwargs):
    """What an evaluation of two methods on three batches does."""
    folder = EvaluationFolder(out, SETTINGS, **kwargs)
    with without_exit(folder) if kill else folder:
        measured = folder.measured(["one", "half"])
        for name in ("one", "half"):
            path = measured / f"{name}.npz"
            result = MethodResult.load(name, path)
            for number in range(result.images, 3):
                result.add({"seconds": np.full(1, number)})
                result.save(path)
        folder.write_text("table.md", f"{result.images}")
        folder.finish()


def test_an_evaluation_killed_before_any_change(tmp_path):
    for number in range(1, 100):
        out = tmp_path / str(number) / "a"
        out.parent.mkdir()
        try:
            with Changes(out.parent, killed_in(number)):
                evaluation(out, kill=True)
            break
        except Killed:
            kept = list(out.parent.glob("a.partial/measured/[!.]*.npz"))
        with contextlib.suppress(UsageError):  # It only took its name.
            evaluation(out, kill=False, resume=bool(kept))
        files = ["config.json", "measured/half.npz", "measured/one.npz", "table.md"]
        assert sorted(OwnFiles(out).found()) == files
        assert not OwnFiles(out).foreign_files()
        for name in ("one", "half"):
            result = MethodResult.load(name, out / "measured" / f"{name}.npz")
            assert result.values["seconds"].tolist() == [0, 1, 2]
    assert number > 20


# === What was added by the user ===


def test_files_added_to_an_earlier_result_are_not_replaced(tmp_path):
    run(tmp_path / "a", "first")
    (tmp_path / "a" / "pictures" / "mine.png").write_text("mine")
    with pytest.raises(UsageError, match="hold nothing but.*also holds pictures/mine"):
        RunFolder(tmp_path / "a", SETTINGS, force=True)
    (tmp_path / "a" / "pictures" / "mine.png").unlink()
    run(tmp_path / "a", "second", force=True)
    assert_result(tmp_path / "a", "second")


def test_a_page_about_a_result_is_replaced_with_it(tmp_path):
    run(tmp_path / "a", "first")
    for _ in range(2):
        note_in_result(tmp_path / "a", "report.html")
        (tmp_path / "a" / "report.html").write_text("page")
    run(tmp_path / "a", "second", force=True)
    assert_result(tmp_path / "a", "second")


def test_files_added_while_the_run_goes_on_are_kept(tmp_path, capsys):
    run(tmp_path / "a", "first")
    with RunFolder(tmp_path / "a", SETTINGS, force=True) as folder:
        (tmp_path / "a" / "mine.txt").write_text("mine")
        (tmp_path / "a" / "sub").mkdir()
        (tmp_path / "a" / "sub" / "mine.txt").write_text("mine too")
        folder.finish()
    (aside,) = tmp_path.glob(".a-*")
    assert content(aside) == {"mine.txt": "mine", "sub/mine.txt": "mine too"}
    told = capsys.readouterr().err
    assert told.startswith(f"warning: {aside} keeps what was added to the earlier")


@pytest.mark.parametrize("force", [False, True])
def test_a_folder_that_came_in_the_meantime(tmp_path, force):
    with pytest.raises(CommandError, match="the result, which is whole, can be given"):
        with RunFolder(tmp_path / "a", SETTINGS, force=force) as folder:
            folder.write_text("result.txt", "first")
            (tmp_path / "a").mkdir()
            (tmp_path / "a" / "mine.txt").write_text("mine")
            folder.finish()
    assert content(tmp_path / "a") == {"mine.txt": "mine"}
    assert (tmp_path / "a.partial" / "result.txt").read_text() == "first"
    # As it was told; then the next command tidies up.
    (tmp_path / "a").rename(tmp_path / "b")
    with pytest.raises(UsageError, match="or come with --force"):
        RunFolder(tmp_path / "a", SETTINGS)
    assert sorted(content(tmp_path / "a")) == ["config.json", "result.txt"]
    assert not (tmp_path / "a.partial").exists()


def test_files_added_to_the_working_folder(tmp_path):
    """They stay if the run fails, and go with it if not."""
    with pytest.raises(ZeroDivisionError):
        with RunFolder(tmp_path / "a", SETTINGS) as folder:
            folder.write_text("result.txt", "half")
            (folder.path / "mine.txt").write_text("mine")
            raise ZeroDivisionError
    assert content(tmp_path) == {"a.partial/mine.txt": "mine"}
    for force in (False, True):
        with pytest.raises(UsageError, match="with other files in .*such as mine.txt"):
            RunFolder(tmp_path / "a", SETTINGS, force=force)
    (tmp_path / "a.partial" / "mine.txt").unlink()
    with RunFolder(tmp_path / "a", SETTINGS) as folder:
        (folder.path / "mine.txt").write_text("mine")
        folder.finish()
    assert (tmp_path / "a" / "mine.txt").read_text() == "mine"


def test_a_copy_of_a_checkpoint_is_the_users(tmp_path):
    with pytest.raises(KeyboardInterrupt):
        with RunFolder(tmp_path / "a", SETTINGS) as folder:
            folder.checkpoint(1).write_text("weights")
            (folder.path / "epoch_best.keras").write_text("mine")
            (folder.path / "epoch_001_copy.keras").write_text("mine")
            folder.remove_checkpoints(keep=folder.checkpoint(1))
            assert folder.reached == (1, 0)
            raise KeyboardInterrupt
    with pytest.raises(UsageError, match="with other files in"):
        RunFolder(tmp_path / "a", SETTINGS, force=True)
    with RunFolder(tmp_path / "a", SETTINGS, resume=True) as folder:
        folder.finish()
    assert sorted(content(tmp_path / "a")) == [
        "config.json",
        "epoch_001_copy.keras",
        "epoch_best.keras",
    ]


def test_links_are_not_followed(tmp_path):
    (tmp_path / "disk").mkdir()
    (tmp_path / "disk" / "photo.png").write_text("mine")
    run(tmp_path / "disk" / "run", "first")
    (tmp_path / "a").symlink_to(tmp_path / "disk" / "run")
    run(tmp_path / "a", "second", force=True)
    assert (tmp_path / "a").is_symlink()
    assert_result(tmp_path / "disk" / "run", "second")
    # A link inside is a file of the user's, whatever is at its end.
    (tmp_path / "a" / "photos").symlink_to(tmp_path / "disk")
    with pytest.raises(UsageError, match="also holds photos"):
        run(tmp_path / "a", "third", force=True)
    assert (tmp_path / "disk" / "photo.png").read_text() == "mine"


def test_a_result_that_does_not_say_what_is_in_it(tmp_path, capsys):
    """Of an earlier version of the package: it is set aside, and stays."""
    (tmp_path / "a").mkdir()
    old = {"config.json": '{"keras_explainer": "0.1"}', "table.csv": "1,2"}
    for name, text in old.items():
        (tmp_path / "a" / name).write_text(text)
    run(tmp_path / "a", "second", force=True)
    assert_result(tmp_path / "a", "second")
    (aside,) = tmp_path.glob(".a-*")
    assert content(aside) == old and str(aside) in capsys.readouterr().err


def test_where_a_disk_is_mounted(tmp_path, monkeypatch):
    (tmp_path / "a").mkdir()
    monkeypatch.setattr(os.path, "ismount", lambda path: True)
    with pytest.raises(UsageError, match="inside of the one that a disk is mounted on"):
        RunFolder(tmp_path / "a", SETTINGS)


@pytest.mark.parametrize(
    "make", [tiny_classifier, lambda: kx.L2XExplainer(tiny_classifier())]
)
def test_a_checkpoint_that_is_being_written_is_known_as_the_runs_own(
    make, tmp_path, monkeypatch
):
    # Of an explainer, whose `save` writes a whole file too, and of any other model.
    strangers = []

    def save(model, path, **options):
        with open(path, "wb") as file:
            file.write(b"half")
        strangers.append(OwnFiles(folder.path).foreign_files())

    monkeypatch.setattr(keras.Model, "save", save)
    with RunFolder(tmp_path / "a", SETTINGS) as folder:
        checkpoint = Checkpoint(folder)
        checkpoint.set_model(make())
        checkpoint.save(1)
    assert strangers == [[]]
