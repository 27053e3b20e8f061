"""A run folder is whole or not there, and never overwritten unasked."""

import json

import pytest

from keras_explainer.command_line.command_error import UsageError
from keras_explainer.runs.evaluation_folder import EvaluationFolder
from keras_explainer.runs.run_folder import RunFolder

SETTINGS = {"command": "train", "epochs": 3, "classes": None}


def finished(out, text="first", **kwargs):
    with RunFolder(out, SETTINGS, **kwargs) as folder:
        folder.write_text("result.txt", text)
        folder.finish()


def interrupted(out, epochs=2, **kwargs):
    with pytest.raises(KeyboardInterrupt):
        with RunFolder(out, SETTINGS, **kwargs) as folder:
            folder.checkpoint(epochs).write_text("weights")
            raise KeyboardInterrupt


def content(folder):
    return sorted(path.name for path in folder.iterdir())


def test_folder_appears_when_it_is_whole(tmp_path):
    out = tmp_path / "runs" / "a"
    with RunFolder(out, SETTINGS) as folder:
        assert not out.exists() and folder.path == tmp_path / "runs" / "a.partial"
        folder.write_json("metrics.json", {"loss": 0.5})
        folder.checkpoint(3).write_text("weights")
        folder.finish()
    assert content(tmp_path / "runs") == ["a"]
    assert content(out) == ["config.json", "metrics.json"]
    config = json.loads((out / "config.json").read_text())
    assert {key: config[key] for key in SETTINGS} == SETTINGS


def test_failure_leaves_nothing(tmp_path):
    with pytest.raises(ZeroDivisionError):
        with RunFolder(tmp_path / "a", SETTINGS) as folder:
            folder.write_text("result.txt", "half")
            raise ZeroDivisionError
    assert content(tmp_path) == []


def test_earlier_result_is_replaced_only_by_force(tmp_path):
    out = tmp_path / "a"
    finished(out)
    with pytest.raises(UsageError, match="--force to replace it. Received: .*/a"):
        RunFolder(out, SETTINGS)
    with pytest.raises(ZeroDivisionError):
        with RunFolder(out, SETTINGS, force=True):
            raise ZeroDivisionError
    assert (out / "result.txt").read_text() == "first"
    finished(out, "second", force=True)
    assert (out / "result.txt").read_text() == "second"
    assert content(tmp_path) == ["a"]


@pytest.mark.parametrize("force", [False, True])
def test_folders_and_files_of_others_are_never_replaced(tmp_path, force):
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "config.json").write_text("[1, 2]")
    with pytest.raises(UsageError, match="files that are not of keras-explainer"):
        RunFolder(tmp_path / "photos", SETTINGS, force=force)
    with pytest.raises(UsageError, match="which is a file"):
        RunFolder(tmp_path / "photos" / "config.json", SETTINGS, force=force)
    (tmp_path / "b.partial").mkdir()
    (tmp_path / "b.partial" / "thesis.txt").write_text("years of work")
    with pytest.raises(UsageError, match="name of its working folder free"):
        RunFolder(tmp_path / "b", SETTINGS, force=force).__enter__()
    assert (tmp_path / "b.partial" / "thesis.txt").exists()


def test_empty_folder_is_taken(tmp_path):
    (tmp_path / "a").mkdir()
    finished(tmp_path / "a")
    assert "result.txt" in content(tmp_path / "a")


def test_interrupted_run_waits_for_resume_or_force(tmp_path):
    out = tmp_path / "a"
    interrupted(out)
    with pytest.raises(UsageError, match="interrupted after epoch 2"):
        RunFolder(out, SETTINGS)
    with RunFolder(out, SETTINGS, resume=True) as folder:
        assert folder.finished_epochs == 2
        folder.checkpoint(3).write_text("weights")
        folder.remove_checkpoints(keep=folder.checkpoint(3))
        assert folder.finished_epochs == 3
        folder.finish()
    assert content(out) == ["config.json"]

    interrupted(tmp_path / "b")
    with RunFolder(tmp_path / "b", SETTINGS, force=True) as folder:
        assert folder.finished_epochs == 0


@pytest.mark.parametrize(
    "changed, message",
    [
        ({"epochs": 4}, "--epochs should be 3, as in .* Received: 4"),
        ({"classes": ["a", "b"]}, "--classes should be left out, .* Received: a,b"),
    ],
)
def test_resume_needs_the_same_settings(tmp_path, changed, message):
    interrupted(tmp_path / "a")
    with pytest.raises(UsageError, match=message):
        RunFolder(tmp_path / "a", {**SETTINGS, **changed}, resume=True)


def test_resume_needs_something_to_resume(tmp_path):
    with pytest.raises(UsageError, match="--resume .* Received: none"):
        RunFolder(tmp_path / "a", SETTINGS, resume=True)
    finished(tmp_path / "a")
    with pytest.raises(UsageError, match="--resume .* Received: a finished run"):
        RunFolder(tmp_path / "a", SETTINGS, resume=True)


def test_resumed_run_replaces_what_it_was_started_to_replace(tmp_path):
    out = tmp_path / "a"
    finished(out)
    interrupted(out, force=True)
    assert (out / "result.txt").read_text() == "first"
    with RunFolder(out, SETTINGS, resume=True) as folder:
        folder.write_text("result.txt", "second")
        folder.finish()
    assert (out / "result.txt").read_text() == "second"
    assert content(tmp_path) == ["a"]


def test_two_processes_do_not_write_the_same_run(tmp_path):
    pytest.importorskip("fcntl")
    with RunFolder(tmp_path / "a", SETTINGS) as folder:
        folder.write_text("result.txt", "first")
        with pytest.raises(UsageError, match="no other process writes"):
            RunFolder(tmp_path / "a", SETTINGS).__enter__()
        folder.finish()
    assert (tmp_path / "a" / "result.txt").read_text() == "first"


def test_what_another_command_can_resume_is_kept(tmp_path):
    evaluation = {"command": "evaluate"}
    interrupted(tmp_path / "trained")
    with pytest.raises(UsageError, match="--force to .* interrupted after epoch 2"):
        EvaluationFolder(tmp_path / "trained", evaluation)
    with pytest.raises(KeyboardInterrupt):
        with EvaluationFolder(tmp_path / "measured", evaluation) as folder:
            (folder.measured(["one"]) / "one.npz").parent.mkdir()
            (folder.path / "measured/one.npz").write_text("values")
            raise KeyboardInterrupt
    with pytest.raises(UsageError, match="--force to .* after images of one"):
        RunFolder(tmp_path / "measured", SETTINGS)
    with pytest.raises(UsageError, match="--command should be evaluate"):
        RunFolder(tmp_path / "measured", SETTINGS, resume=True)
