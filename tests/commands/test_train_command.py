"""`train`: whole runs, interrupted runs, and every kind of data."""

import json
import re
import signal
import subprocess
import sys
import time

import keras
import numpy as np
import pytest
from conftest import tiny_classifier
from PIL import Image

import keras_explainer as kx
from keras_explainer.__main__ import main
from keras_explainer.loading.load_explainer import load_explainer
from keras_explainer.loading.new_explainer import METHODS
from keras_explainer.runs.checkpoint import Checkpoint
from keras_explainer.runs.history_file import read_history

RUN = {
    "config.json",
    "explainer.keras",
    "history.csv",
    "metrics.json",
    "pictures",
}


@pytest.fixture(scope="module")
def classifiers(tmp_path_factory):
    folder = tmp_path_factory.mktemp("classifiers")
    tiny_classifier(8, "sigmoid").save(folder / "shapes.keras")
    tiny_classifier(2).save(folder / "two.keras")
    tiny_classifier(2, channels=1).save(folder / "grey.keras")
    tiny_classifier(2, channels=5).save(folder / "five.keras")
    tiny_classifier(2, activation=None).save(folder / "linear.keras")
    return folder


def train(classifier, out, dataset="shapes", *argv, epochs=2):
    return [
        *("train", "--classifier", str(classifier), "--out", str(out)),
        *("--dataset", dataset, "--epochs", str(epochs), "--batch-size", "4"),
        *("--preprocess-input", "mobilenet", "--limit", "4", *map(str, argv)),
    ]


def proved(out):
    """What the saved explainer proves on the pictures that it was validated on."""
    explainer = load_explainer(out)
    pictures = kx.datasets.shapes(
        4,
        seed=5_000_000,  # of --dataset shapes, for validation
        image_size=32,
        preprocess_input=explainer.preprocessing,
    )
    return explainer.explain(pictures, verify=True).verdict()


def verdict_of(shown):
    (verdict,) = [line for line in shown.splitlines() if line.startswith("On ")]
    return verdict


def content(folder):
    return {path.name for path in folder.iterdir()}


@pytest.fixture(autouse=True)
def small_galleries(monkeypatch):
    monkeypatch.setattr("keras_explainer.commands.train.EPOCH_GALLERY", 1)
    monkeypatch.setattr("keras_explainer.commands.train.GALLERY", 1)


@pytest.fixture
def interrupt_after(monkeypatch):
    """Makes training stop after some epochs as by Ctrl-C."""

    def arrange(epochs):
        finish = Checkpoint.on_epoch_end

        def finish_and_stop(self, epoch, logs=None):
            finish(self, epoch, logs)
            if epoch + 1 == epochs:
                raise KeyboardInterrupt

        monkeypatch.setattr(Checkpoint, "on_epoch_end", finish_and_stop)

    yield arrange
    monkeypatch.undo()


@pytest.mark.usefixtures("eager")
@pytest.mark.slow
def test_interrupted_run_ends_like_one_that_was_not(
    classifiers, tmp_path, capsys, interrupt_after, monkeypatch
):
    whole, parted = tmp_path / "whole", tmp_path / "parted run"
    classifier = classifiers / "shapes.keras"
    assert main(train(classifier, whole)) == 0
    assert content(whole) == RUN
    shown = capsys.readouterr().out
    assert "targets     labels" in shown
    rows = [line.split()[0] for line in shown.splitlines() if line.startswith("  ")]
    assert rows == ["1/2", "2/2", "keras-explainer"]
    assert verdict_of(shown) == (
        f"On 4 pictures that training did not see: {proved(whole)}."
    )
    assert content(whole / "pictures") == {
        "epoch_000.png",
        "epoch_001.png",
        "epoch_002.png",
        "gallery.png",
    }

    interrupt_after(1)
    assert main(train(classifier, parted)) == 130
    told = capsys.readouterr().err.splitlines()[-1]
    assert told.startswith("Interrupted after epoch 1 of 2; to continue: ")
    assert f"--out '{parted}' " in told and told.endswith(" --resume")
    assert content(tmp_path) == {"whole", "parted run.partial"}
    before = read_history(tmp_path / "parted run.partial" / "history.csv")
    checkpoint = load_explainer(tmp_path / "parted run.partial" / "epoch_001.keras")
    assert int(checkpoint.optimizer.iterations) == 1

    monkeypatch.undo()
    assert main(train(classifier, parted)) == 2
    assert main(train(classifier, parted, "shapes", "--seed", 1, "--resume")) == 2
    errors = capsys.readouterr().err
    errors = [line for line in errors.splitlines() if line.startswith("error")]
    assert "interrupted after epoch 1" in errors[0]
    assert "--seed should be 0" in errors[1] and "Received: 1" in errors[1]

    assert main(train(classifier, parted, "shapes", "--resume")) == 0
    assert content(tmp_path) == {"whole", "parted run"} and content(parted) == RUN
    rows = read_history(parted / "history.csv")
    assert [row["epoch"] for row in rows] == [1, 2] and rows[0] == before[0]
    expected, found = load_explainer(whole), load_explainer(parted)
    assert int(found.optimizer.iterations) == 2
    for one, other in zip(expected.optimizer.variables, found.optimizer.variables):
        np.testing.assert_allclose(one, other, rtol=1e-3, atol=1e-5)
    for one, other in zip(expected.get_weights(), found.get_weights()):
        np.testing.assert_allclose(one, other, rtol=1e-3, atol=1e-5)
    figures = json.loads((whole / "metrics.json").read_text())
    assert figures["epochs"] == 2
    assert figures["val_loss"] == pytest.approx(rows[1]["val_loss"], rel=1e-3)


@pytest.mark.slow
@pytest.mark.usefixtures("eager")
def test_run_interrupted_after_its_last_epoch_is_finished(
    classifiers, tmp_path, capsys, interrupt_after, monkeypatch
):
    out, classifier = tmp_path / "run", classifiers / "shapes.keras"
    argv = train(classifier, out, "shapes", "--limit", 1, epochs=1)
    interrupt_after(1)
    assert main(argv) == 130
    monkeypatch.undo()
    assert main([*argv, "--resume"]) == 0
    verdict = verdict_of(capsys.readouterr().out)
    assert verdict.startswith("On 1 picture that training did not see: ")
    assert content(out) == RUN
    assert len(read_history(out / "history.csv")) == 1


@pytest.mark.slow
@pytest.mark.usefixtures("eager")
def test_a_finished_run_is_trained_on(classifiers, tmp_path, capsys, monkeypatch):
    """One epoch more after one, and one more after that, which is interrupted first."""
    out, classifier = tmp_path / "run", classifiers / "shapes.keras"
    assert main(train(classifier, out, epochs=1)) == 0
    first = read_history(out / "history.csv")
    capsys.readouterr()
    longer = train(classifier, out, "shapes", "--resume")
    assert main([*longer, "--epochs", "1"]) == 2
    assert "--epochs should be more than 1 for --resume" in capsys.readouterr().err
    assert main([*longer, "--seed", "3"]) == 2
    assert content(tmp_path) == {"run"}  # Nothing is left of what was refused.

    assert main(longer) == 0
    assert "Training on from epoch 1 to 2" in capsys.readouterr().out
    assert content(tmp_path) == {"run"} and content(out) == RUN
    rows = read_history(out / "history.csv")
    assert len(rows) == 2 and rows[0] == first[0]
    assert int(load_explainer(out).optimizer.iterations) == 2
    assert "epoch_001.png" in content(out / "pictures")
    assert json.loads((out / "config.json").read_text())["epochs"] == 2

    # Killed on the way, it leaves the finished run, and goes on.
    monkeypatch.setattr(Checkpoint, "on_epoch_end", _interrupted)
    longest = [*longer, "--epochs", "3"]
    assert main(longest) == 130
    assert content(tmp_path) == {"run", "run.partial"} and content(out) == RUN
    monkeypatch.undo()
    assert main(longest) == 0
    assert content(tmp_path) == {"run"}
    assert len(read_history(out / "history.csv")) == 3


def _interrupted(self, epoch, logs=None):
    raise KeyboardInterrupt


@pytest.mark.slow
@pytest.mark.usefixtures("eager")
def test_loss_sets_numbers_of_the_objective(classifiers, tmp_path, capsys):
    argv = train(classifiers / "two.keras", tmp_path / "run", epochs=1)
    with_loss = [*argv, "--loss", "target_area_weight=9,composites=0,augmentation=0.5"]
    assert main(with_loss) == 0
    explainer = load_explainer(tmp_path / "run")
    assert explainer.explainer_loss.target_area_weight == 9.0
    assert explainer.draws.composites == 0 and explainer.draws.augmentation == 0.5
    capsys.readouterr()
    for loss, told in (
        ("area=3", "Argument --loss should set classification_weight, .*: area"),
        (
            "target_area_weight=-1",
            "Argument --loss `target_area_weight` should be a nu",
        ),
        ("composites=2", "Argument --loss `composites` should be"),
        ("target_area_weight", "Argument --loss should be names and numbers, such as"),
    ):
        assert main([*argv, "--force", "--loss", loss]) == 2
        assert re.search(told, capsys.readouterr().err)
    assert load_explainer(tmp_path / "run").explainer_loss.target_area_weight == 9.0


@pytest.mark.slow
@pytest.mark.usefixtures("eager")
def test_interruption_in_the_first_epoch_leaves_nothing(
    classifiers, tmp_path, capsys, monkeypatch
):
    def interrupt(self, *args):
        raise KeyboardInterrupt

    monkeypatch.setattr(keras.callbacks.CallbackList, "on_train_batch_end", interrupt)
    out = tmp_path / "run"
    assert main(train(classifiers / "shapes.keras", out)) == 130
    told = capsys.readouterr().err
    told = told.splitlines()[-1]
    assert told.startswith("Interrupted in the first epoch; to start again: keras-")
    assert "Traceback" not in told
    assert content(tmp_path) == set()


@pytest.mark.slow
@pytest.mark.usefixtures("eager")
def test_folder_without_labels_or_validation(classifiers, tmp_path, capsys):
    (tmp_path / "photos").mkdir()
    for number in range(2):
        Image.new("RGB", (50, 40), "red").save(tmp_path / "photos" / f"{number}.png")
    (tmp_path / "photos" / "broken.jpg").write_bytes(b"no picture")
    argv = ("--data", tmp_path / "photos", "--class-names", "cat,dog", "--augment")
    out = tmp_path / "run"
    assert main(train(classifiers / "two.keras", out, "folder", *argv, epochs=1)) == 0
    shown = capsys.readouterr()
    assert "the classifier's own predictions" in shown.out
    # There is nothing held out. Both pictures are of one red, mirrored and cropped.
    explainer = load_explainer(out)
    red = explainer.preprocessing(np.full((2, 32, 32, 3), (255, 0, 0), "float32"))
    proof = explainer.explain(red, verify=True).verdict()
    assert verdict_of(shown.out) == f"On 2 pictures of the training: {proof}."
    assert "broken.jpg" in shown.err
    assert "val_loss" not in json.loads((out / "metrics.json").read_text())
    assert load_explainer(out).class_names == ["cat", "dog"]


@pytest.mark.slow
@pytest.mark.usefixtures("eager")
@pytest.mark.parametrize(
    "classifier, argv, code, message",
    [
        ("five", (), 2, "--classifier should take grey, RGB or RGBA images"),
        ("linear", (), 2, "--multi-label should be True"),
        ("two", ("--class-names", "a,b,c"), 2, "--class-names should be a file or"),
        ("two", ("--image-size", 64), 2, "--image-size should be left out"),
        ("two", ("--preprocess-input", "nonet"), 2, "--preprocess-input should be"),
        ("two", ("--scale", "1/255"), 2, "--scale should be left out with --prepro"),
        ("two", ("--class-names", "no.txt"), 2, "Received: no.txt, which does not"),
        ("two", ("--import", "no.py"), 2, "Received: no.py (no such file)"),
        ("two", ("--import", "no_such"), 2, "--import should be a module or a .py"),
        ("missing", (), 2, "--classifier should be a classifier saved by Keras"),
    ],
)
def test_unsuitable_classifiers(
    classifiers, tmp_path, capsys, classifier, argv, code, message
):
    out = tmp_path / "run"
    assert (
        main(train(classifiers / f"{classifier}.keras", out, "shapes", *argv)) == code
    )
    told = capsys.readouterr().err.splitlines()[-1]
    assert told.startswith("error: Argument ") and message in told
    assert "Received: " in told
    assert content(tmp_path) == set()


@pytest.mark.slow
@pytest.mark.usefixtures("eager")
@pytest.mark.parametrize(
    "method",
    [
        pytest.param(method, marks=[] if method == "l2x" else pytest.mark.thorough)
        for method in METHODS
    ],
)
def test_every_method_trains_and_its_explainer_reloads(classifiers, tmp_path, method):
    out = tmp_path / "run"
    argv = train(
        classifiers / "shapes.keras", out, "shapes", "--method", method, epochs=1
    )
    assert main(argv) == 0
    assert content(out) == RUN
    assert json.loads((out / "config.json").read_text())["method"] == method
    assert type(load_explainer(out)).__name__ == METHODS[method]


@pytest.mark.slow
@pytest.mark.usefixtures("eager")
def test_divergence_is_told(classifiers, tmp_path, capsys, monkeypatch):
    end = keras.callbacks.CallbackList.on_epoch_end

    def end_in_nan(self, epoch, logs=None):
        end(self, epoch, {**logs, "loss": float("nan")})

    monkeypatch.setattr(keras.callbacks.CallbackList, "on_epoch_end", end_in_nan)
    assert main(train(classifiers / "shapes.keras", tmp_path / "run")) == 1
    assert "a loss of nan in epoch 1" in capsys.readouterr().err


def started(argv):
    return subprocess.Popen(
        [sys.executable, "-m", "keras_explainer", *argv],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        # A shell's background jobs ignore Ctrl-C, and hand that down.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )


def wait_for(path, process):
    while not path.exists():
        assert process.poll() is None, process.communicate()
        time.sleep(0.01)


@pytest.mark.slow
@pytest.mark.usefixtures("eager")
def test_training_interrupted_from_the_keyboard_is_resumed(classifiers, tmp_path):
    out = tmp_path / "run"
    argv = train(classifiers / "shapes.keras", out, epochs=4)
    process = started(argv)
    wait_for(tmp_path / "run.partial" / "epoch_001.keras", process)
    process.send_signal(signal.SIGINT)
    told = process.communicate()[1]
    assert process.returncode == 130
    assert told.splitlines()[-1].startswith("Interrupted after epoch ")
    assert told.splitlines()[-1].endswith(" --resume")
    assert "Traceback" not in told
    assert not out.exists()
    rows = read_history(tmp_path / "run.partial" / "history.csv")

    assert main([*argv, "--resume"]) == 0
    assert content(tmp_path) == {"run"} and content(out) == RUN
    finished = read_history(out / "history.csv")
    assert [row["epoch"] for row in finished] == [1, 2, 3, 4]
    assert finished[0] == rows[0]
    assert int(load_explainer(out).optimizer.iterations) == 4
