"""Runs that are killed, asked to end or diverge, and what comes of them."""

import os
import signal
import subprocess
import sys

import keras
import numpy as np
import pytest
from conftest import tiny_classifier
from PIL import Image

from keras_explainer.__main__ import main
from keras_explainer.loading.load_explainer import load_explainer
from keras_explainer.runs.history_file import read_history

pytestmark = pytest.mark.usefixtures("eager")
EPOCHS, STEPS = 2, 3
# Runs `train`, and kills itself for good at the end of a step.
KILLED = """
import os, signal, sys
import keras, tensorflow as tf
from keras_explainer.__main__ import main

tf.config.run_functions_eagerly(True)
step, former = [0], keras.callbacks.CallbackList.on_train_batch_end

def end(self, *args):
    step[0] += 1
    if step[0] == int(sys.argv[1]):
        os.kill(os.getpid(), signal.SIGKILL)
    former(self, *args)

keras.callbacks.CallbackList.on_train_batch_end = end
main(sys.argv[2:])
"""


@pytest.fixture(autouse=True)
def small_galleries(monkeypatch):
    monkeypatch.setattr("keras_explainer.commands.train.EPOCH_GALLERY", 1)
    monkeypatch.setattr("keras_explainer.commands.train.GALLERY", 1)


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """A classifier, and five pictures of noise, in another order every epoch."""
    root = tmp_path_factory.mktemp("data")
    tiny_classifier(2).save(root / "two.keras")
    (root / "photos").mkdir()
    random = np.random.default_rng(0)
    for number in range(5):
        levels = random.integers(0, 256, (40, 50, 3), "uint8")
        Image.fromarray(levels).save(root / "photos" / f"{number}.png")
    return root


def train(data, out, *argv):
    return [
        *("train", "--classifier", str(data / "two.keras"), "--dataset", "folder"),
        *("--data", str(data / "photos"), "--augment", "--batch-size", "2"),
        *("--preprocess-input", "mobilenet", "--epochs", str(EPOCHS)),
        *("--out", str(out), *argv),
    ]


@pytest.fixture(scope="module")
def whole(data, tmp_path_factory):
    import tensorflow as tf

    tf.config.run_functions_eagerly(True)
    out = tmp_path_factory.mktemp("whole") / "run"
    assert main(train(data, out)) == 0
    tf.config.run_functions_eagerly(False)
    return out


def assert_same_run(out, whole):
    found, expected = load_explainer(out), load_explainer(whole)
    assert int(found.optimizer.iterations) == EPOCHS * STEPS
    for one, other in zip(found.get_weights(), expected.get_weights(), strict=True):
        np.testing.assert_allclose(one, other, atol=1e-6)
    rows = read_history(out / "history.csv")
    assert [row["epoch"] for row in rows] == list(range(1, EPOCHS + 1))
    return rows, read_history(whole / "history.csv")


@pytest.mark.slow
@pytest.mark.parametrize(
    "step", [STEPS + 2, pytest.param(1, marks=pytest.mark.thorough)]
)
def test_killed_at_a_step_and_resumed_is_as_if_never_killed(
    data, whole, tmp_path, step
):
    out = tmp_path / "run"
    argv = [sys.executable, "-c", KILLED, str(step), *train(data, out)]
    assert subprocess.run(argv).returncode == -signal.SIGKILL
    assert not out.exists() and (tmp_path / "run.partial").exists()
    assert main(train(data, out, "--resume")) == 0
    rows, expected = assert_same_run(out, whole)
    for row, other in zip(rows, expected):
        assert row["loss"] == pytest.approx(other["loss"], abs=1e-5)


def at_step(monkeypatch, wanted, act):
    former, step = keras.callbacks.CallbackList.on_train_batch_end, [0]

    def end(self, *args):
        step[0] += 1
        if step[0] == wanted:
            act(self)
        former(self, *args)

    monkeypatch.setattr(keras.callbacks.CallbackList, "on_train_batch_end", end)


@pytest.mark.slow
@pytest.mark.parametrize(
    "step", [2, pytest.param(STEPS + 1, marks=pytest.mark.thorough)]
)
def test_asked_to_end_it_saves_the_step(
    data, whole, tmp_path, monkeypatch, capsys, step
):
    out = tmp_path / "run"
    former = signal.getsignal(signal.SIGTERM)
    at_step(monkeypatch, step, lambda _: os.kill(os.getpid(), signal.SIGTERM))
    assert main(train(data, out)) == 143
    told = capsys.readouterr().err.splitlines()[-1]
    epochs, steps = divmod(step, STEPS)
    assert told.startswith(
        f"Interrupted after epoch {epochs} of {EPOCHS} and {steps} steps; to continue: "
    )
    assert signal.getsignal(signal.SIGTERM) == former
    monkeypatch.undo()
    assert main(train(data, out, "--resume")) == 0
    assert_same_run(out, whole)


@pytest.mark.slow
@pytest.mark.parametrize("step", [2, STEPS + 1])
def test_a_loss_that_is_no_number_stops_the_run(
    data, tmp_path, monkeypatch, capsys, step
):
    def spoil(callbacks):
        callbacks.model.trainable_variables[-1].assign(np.nan)

    at_step(monkeypatch, step, spoil)
    assert main(train(data, tmp_path / "run")) == 1
    told = capsys.readouterr().err.splitlines()[-1]
    epochs, steps = divmod(step, STEPS)
    assert f"loss of nan in step {steps + 1} of epoch {epochs + 1} (" in told
    assert "classification nan" in told
    kept = tmp_path / "run.partial" / "epoch_001.keras"
    if epochs:
        assert told.endswith(f"kept: {kept}")
        weights = keras.saving.load_model(kept).get_weights()
        assert all(np.isfinite(weight).all() for weight in weights)
    else:
        assert told.endswith("nothing was kept of this first epoch")
        assert not list(tmp_path.iterdir())
