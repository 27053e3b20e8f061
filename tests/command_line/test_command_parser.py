"""The command line: help, and one sentence for every wrong argument."""

import os
import subprocess
import sys

import pytest

from keras_explainer.__main__ import COMMANDS
from keras_explainer.__main__ import main

TRAIN = ["train", "--classifier", "tiny.keras", "--out", "runs/never"]


@pytest.mark.parametrize("command", [[], *([name] for name in COMMANDS)])
def test_help_has_examples_and_no_code_name(command, capsys):
    with pytest.raises(SystemExit) as exit_info:
        main([*command, "--help"])
    assert exit_info.value.code == 0
    shown = capsys.readouterr().out
    assert shown.startswith(" ".join(["usage: keras-explainer", *command]))
    assert shown.split("examples:")[1].count("keras-explainer") >= 2
    assert "SUPPRESS" not in shown and "%(" not in shown


@pytest.mark.parametrize("command", COMMANDS)
def test_help_fits_on_a_screen_or_says_where_the_rest_is(command, capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    shown = {}
    for flag in ("--help", "--help-all"):
        with pytest.raises(SystemExit):
            main([command, flag])
        shown[flag] = capsys.readouterr().out
        if "--help-all" not in shown["--help"]:
            break
    assert len(shown["--help"].splitlines()) <= 56
    if "--help-all" in shown:
        everything = shown["--help-all"]
        assert "--safe-mode" in everything and "--safe-mode" not in shown["--help"]
        assert everything.count("\n") > shown["--help"].count("\n")
        assert " --debug " in everything and everything.startswith("usage: ")


@pytest.mark.parametrize("argument", ["--help", "--version"])
def test_help_does_not_load_tensorflow(argument):
    done = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "keras_explainer", argument],
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0 and "keras-explainer" in done.stdout
    imported = {line.split("|")[-1].strip() for line in done.stderr.splitlines()}
    assert "argparse" in imported
    assert not {"tensorflow", "keras", "matplotlib", "apache_beam"} & imported


@pytest.mark.slow
def test_errors_do_not_drown_in_start_up_notices(tmp_path):
    path = tmp_path / "broken.keras"
    path.write_text("no model")
    done = subprocess.run(
        [sys.executable, "-m", "keras_explainer", "explain", "a.jpg"]
        + ["--explainer", str(path), "--out", str(tmp_path / "out")],
        capture_output=True,
        text=True,
        timeout=300,
        env={k: v for k, v in os.environ.items() if k != "TF_CPP_MIN_LOG_LEVEL"},
    )
    assert done.returncode == 2 and done.stdout == ""
    (line,) = done.stderr.splitlines()
    assert line.startswith("error: Argument --explainer ")


def test_no_command_is_a_question_for_help(capsys):
    assert main([]) == 0
    assert "usage: keras-explainer" in capsys.readouterr().out


@pytest.mark.parametrize(
    "argv, sentence",
    [
        (
            ["train"],
            "Argument --classifier, --dataset, --out should be given; see "
            "`keras-explainer train --help`. Received: nothing",
        ),
        (
            ["trian"],
            "Argument COMMAND should be one of 'demo', 'train', 'explain', "
            "'explain-bulk', 'evaluate', 'export', 'page', 'report', 'study', "
            "'preferences'. Received: 'trian'",
        ),
        (
            [*TRAIN, "--dataset", "imagenet"],
            "Argument --dataset should be voc, coco, folder, shapes or tfds:NAME. "
            "Received: 'imagenet'",
        ),
        (
            [*TRAIN, "--dataset", "shapes", "--epochs", "0"],
            "Argument --epochs should be a whole number from 1. Received: '0'",
        ),
        (
            [*TRAIN, "--dataset", "shapes", "--epochs"],
            "Argument --epochs should be followed by a value. Received: none",
        ),
        (
            [*TRAIN, "--dataset", "shapes", "--image-size", "224x224"],
            "Argument --image-size should be a whole number from 32. "
            "Received: '224x224'",
        ),
        (
            [*TRAIN, "--dataset", "voc", "--classes", "cat,,dog"],
            "Argument --classes should be names with commas between them. "
            "Received: 'cat,,dog'",
        ),
        (
            [*TRAIN, "--dataset", "shapes", "--force", "--resume"],
            "Argument --resume should not be given together with --force. "
            "Received: both",
        ),
        (
            [*TRAIN, "--dataset", "shapes", "--epoch", "3"],
            "Arguments should be those of `keras-explainer train --help-all` (such as "
            "--epochs). Received: --epoch 3",
        ),
        (
            ["demo", "--step", "3"],
            "Arguments should be those of `keras-explainer demo --help` (such as "
            "--steps). Received: --step 3",
        ),
        (
            [*TRAIN, "--dataset", "voc"],
            "Argument --data should be an existing folder for --dataset voc. "
            "Received: nothing",
        ),
        (
            [*TRAIN, "--dataset", "folder", "--data", "nowhere"],
            "Argument --data should be an existing folder for --dataset folder. "
            "Received: nowhere",
        ),
        (
            [*TRAIN, "--dataset", "shapes", "--augment"],
            "Argument --augment should be left out with --dataset shapes, which has "
            "no files. Received: --augment",
        ),
        (
            ["explain", "a.jpg", "--explainer", "x", "--out", "y", "--threshold", "2"],
            "Argument --threshold should be a number between 0 and 1. Received: '2'",
        ),
        (
            ["explain", "a.jpg", "--explainer", "nowhere", "--out", "y"],
            "Argument --explainer should be a run folder or a saved explainer, or one "
            "that comes with the package: imagenet, mobilenet_v2_imagenet, shapes, "
            "shapes_explainer. Received: nowhere, which does not exist",
        ),
    ],
)
def test_wrong_arguments_get_one_sentence(argv, sentence, capsys):
    assert main(argv) == 2
    shown = capsys.readouterr()
    assert shown.err == f"error: {sentence}\n"
    assert shown.out == ""


def test_what_the_library_says_is_said_about_the_flag(capsys, monkeypatch):
    def fail(args):
        raise ValueError("Argument `root` should be a folder. Received: x")

    monkeypatch.setattr("keras_explainer.commands.train.run", fail)
    argv = [*TRAIN, "--dataset", "shapes"]
    assert main(argv) == 2
    assert capsys.readouterr().err == (
        "error: Argument --data should be a folder. Received: x\n"
    )


@pytest.mark.parametrize(
    "error, sentence",
    [
        (ValueError("Images should be finite.\nReceived: NaN"), "Images should be"),
        (OSError(28, "No space left on device"), "No space left on device"),
        (KeyError("left"), "KeyError: 'left' (--debug shows where)"),
    ],
)
def test_other_failures_are_one_line(error, sentence, capsys, monkeypatch):
    def fail(args):
        raise error

    monkeypatch.setattr("keras_explainer.commands.demo.run", fail)
    assert main(["demo"]) == 1
    shown = capsys.readouterr().err
    assert sentence in shown and shown.count("\n") == 1
    with pytest.raises(type(error)):
        main(["demo", "--debug"])


def test_interruption_before_anything_is_kept(capsys, monkeypatch):
    def interrupt(args):
        raise KeyboardInterrupt

    monkeypatch.setattr("keras_explainer.commands.demo.run", interrupt)
    assert main(["demo"]) == 130
    assert capsys.readouterr().err == "Interrupted; nothing was kept.\n"
