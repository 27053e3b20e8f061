"""The examples that follow the paper, on data that they write themselves."""

import argparse
import importlib
import pathlib
import types

import keras
import numpy as np
import pytest
import tensorflow as tf
from conftest import tiny_classifier

from keras_explainer.command_line.command_error import CommandError
from keras_explainer.datasets import voc
from keras_explainer.evaluation import MethodResult

EXAMPLES = pathlib.Path(__file__).parents[2] / "examples"


@pytest.fixture
def train_classifier(monkeypatch):
    monkeypatch.syspath_prepend(EXAMPLES)
    return importlib.import_module("train_classifier")


@pytest.fixture
def resumable_training(train_classifier):
    return importlib.import_module("resumable_training")


@pytest.fixture
def reproduce_paper(train_classifier):
    return importlib.import_module("reproduce_paper")


def test_mean_average_precision(train_classifier):
    scores = np.array([[0.9, 0.1, 0.5], [0.8, 0.2, 0.5], [0.7, 0.3, 0.5]])
    labels = np.array([[0, 0, 0], [1, 0, 0], [1, 1, 0]])
    # (1/2 + 2/3) / 2, then 1; the third class does not occur.
    precision = train_classifier.mean_average_precision(labels, scores)
    assert precision == pytest.approx((7 / 12 + 1) / 2)


@pytest.mark.parametrize(
    ("losses", "since"),
    [([], 0), ([1.0], 0), ([1.0, 0.9995, 0.9991], 2), ([1.0, 1.1, 0.9, 2.0], 1)],
)
def test_epochs_without_a_better_loss(resumable_training, losses, since):
    history = types.SimpleNamespace(rows=[{"val_loss": loss} for loss in losses])
    best = resumable_training.BestModel(history, None, 5, 1e-3)
    assert best.epochs_since == since


def test_shapes_in_the_layout_of_voc(reproduce_paper, tmp_path):
    reproduce_paper.write_shapes_as_voc(tmp_path / "VOC2007", 48)
    options = {"masks": True, "image_size": 48, "batch_size": 8}
    ((images, labels, masks),) = voc(tmp_path, "test", **options).as_numpy_iterator()
    for row, mask in zip(labels, masks):
        present = np.unique(mask[mask > 0]) - 1
        np.testing.assert_array_equal(np.flatnonzero(row), present)
        assert present.max() < 8
    assert images.std() > 10


@pytest.mark.slow
def test_an_interrupted_training_goes_on(resumable_training, monkeypatch, tmp_path):
    images = np.random.default_rng(0).uniform(-1, 1, (8, 32, 32, 3)).astype("float32")
    labels = np.eye(3, dtype="float32")[np.arange(8) % 3]
    starts, out = [], tmp_path / "run"

    def build(class_names):
        model = tiny_classifier(len(class_names))
        model.compile("adam", "categorical_crossentropy")
        return model

    def data(start):
        starts.append(start)
        ds = tf.data.Dataset.from_tensor_slices((images, labels)).batch(4)
        ds.class_names = ["a", "b", "c"]
        return ds, ds

    def fit(**changed):
        options = {"settings": {"seed": 1}, "epochs": 4, "patience": 9, **changed}
        return resumable_training.fit_resumably(build, data, out, **options)

    class Interrupt(Exception):
        pass

    class Interrupted(resumable_training.Checkpoint):
        def on_epoch_end(self, epoch, logs=None):
            super().on_epoch_end(epoch, logs)
            if epoch == 1:
                raise Interrupt

    with monkeypatch.context() as patch, pytest.raises(Interrupt):
        patch.setattr(resumable_training, "Checkpoint", Interrupted)
        fit()
    assert not out.exists()
    model = fit()
    lines = (out / "history.csv").read_text().splitlines()
    assert [line.split(",")[0] for line in lines] == ["epoch", "1", "2", "3", "4"]
    rows = [
        float(line.split(",")[lines[0].split(",").index("val_loss")])
        for line in lines[1:]
    ]
    loss = keras.losses.categorical_crossentropy(
        labels, model.predict(images, verbose=0)
    )
    assert float(np.mean(loss)) == pytest.approx(min(rows), rel=1e-4)  # at its best
    fit()
    assert starts == [0, 2]  # The third time nothing was trained.
    with pytest.raises(CommandError, match="--seed` should be 1, .*Received: 2"):
        fit(settings={"seed": 2})


def test_training_stops_when_the_loss_rests(resumable_training, tmp_path):
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(3, "softmax")])
    model.compile(keras.optimizers.SGD(0.0), "categorical_crossentropy")
    ds = tf.data.Dataset.from_tensors((np.zeros((2, 2)), np.eye(3)[:2]))
    ds.class_names = ["a", "b", "c"]
    resumable_training.fit_resumably(
        lambda names: model,
        lambda start: (ds, ds),
        tmp_path / "run",
        settings={},
        epochs=50,
        patience=3,
    )
    lines = (tmp_path / "run" / "history.csv").read_text().splitlines()
    assert len(lines) == 1 + 1 + 3  # the head, the best epoch, three without a better


def test_table_of_the_paper(reproduce_paper):
    values = {
        "seconds": np.ones(2),
        "threshold_averaged_f1": np.array([0.25, 0.5]),
        "auc": np.ones(2),
    }
    results = {
        "one": MethodResult("one", values),
        "rise": MethodResult("rise", failure="No memory"),
    }
    lines = reproduce_paper.paper_table(results).splitlines()
    assert lines[0].split(" | ")[1:7] == [
        *("Mean F1", "Cont. F1", "Accuracy", "Discr. IoU", "Cont. IoU", "AUC")
    ]
    assert lines[2] == "| all 1 | 0.38 | - | - | - | - | 1.00 | - | - | - |"
    assert "Images: all 1 2, RISE 0." in lines and "RISE: No memory" in lines


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--data", "missing"], "`--data` should be an existing folder.*: missing"),
        ([], "`--data` should be an existing folder.*Received: nothing"),
        (["--smoke", "--classifier", "lenet"], "`--classifier`.*Received: 'lenet'"),
        (["--smoke", "--weights", "no.h5"], "`--weights` should be.*Received: no.h5"),
    ],
)
def test_errors(reproduce_paper, tmp_path, arguments, message):
    with pytest.raises(SystemExit, match=message):
        reproduce_paper.main([*arguments, "--out", str(tmp_path / "out")])


@pytest.mark.slow
def test_weights_of_a_whole_application(train_classifier, tmp_path):
    whole = keras.applications.MobileNet(alpha=0.25, weights=None)
    whole.save_weights(tmp_path / "whole.weights.h5")
    args = argparse.Namespace(alpha=0.25, image_size=64)
    body = train_classifier.build_body(
        "mobilenet", args, str(tmp_path / "whole.weights.h5")
    )
    assert body.output_shape == (None, 2, 2, 256)
    for layer in filter(lambda layer: layer.weights, body.layers):
        for a, b in zip(layer.get_weights(), whole.get_layer(layer.name).get_weights()):
            np.testing.assert_array_equal(a, b)


@pytest.mark.thorough
def test_smoke_and_again(reproduce_paper, tmp_path, capsys):
    arguments = [
        *("--smoke", "--out", str(tmp_path), "--image-size", "32"),
        *("--classifier-epochs", "1", "--epochs", "1"),
        *("--methods", "zero,one,ideal,grad_cam,explainer"),
    ]
    reproduce_paper.main(arguments)
    table = (tmp_path / "table.md").read_text()
    rows = {line.split(" | ")[0][2:]: line.split(" | ") for line in table.splitlines()}
    assert rows["true mask"][1:7] == ["1.00"] * 6
    assert rows["all 0"][1] == "0.00" and "Grad-CAM" in rows
    assert all("-" not in cell for cell in rows["Explainer"][1:7])
    assert "mean_average_precision" in capsys.readouterr().out
    kept = [tmp_path / step / "best.keras" for step in ("classifier", "explainer")]
    times = [path.stat().st_mtime_ns for path in kept]
    reproduce_paper.main(arguments)
    assert (tmp_path / "table.md").read_text() == table
    assert [path.stat().st_mtime_ns for path in kept] == times
    assert "Epoch" not in capsys.readouterr().out  # Nothing was trained again.
