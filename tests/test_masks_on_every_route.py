"""One kind of mask: on every route, what is called masks is what `explain` gives."""

import base64
import io
import json
import re

import numpy as np
import pytest
import tensorflow as tf
import trained
from PIL import Image

import keras_explainer as kx
from keras_explainer.__main__ import main
from keras_explainer.evaluation.mask_sources import Batch
from keras_explainer.evaluation.mask_sources import ExplainerMasks
from keras_explainer.loading.load_explainer import load_explainer

pytestmark = pytest.mark.slow  # exports, and runs commands
COUNT = 4
LEVEL = 1 / 255  # of masks in PNG


@pytest.fixture(scope="module")
def run(trained_explainer, tmp_path_factory):
    """The folder of a run, with the trained explainer in it."""
    folder = tmp_path_factory.mktemp("run")
    explainer = trained_explainer()
    explainer.preprocess_input, explainer.class_names = "0..1", trained.NAMES
    explainer.save(folder / "explainer.keras")
    (folder / "config.json").write_text('{"command": "demo"}')
    (folder / "metrics.json").write_text('{"Explainer": {"iou": 0.5}}')
    (folder / "history.csv").write_text("epoch,seconds,loss\n1,2,0.75\n")
    return folder


@pytest.fixture(scope="module")
def explainer(run):
    return load_explainer(run)


@pytest.fixture(scope="module")
def pictures(tmp_path_factory):
    """Files of pictures; their pixels; the true masks of their patches."""
    images, labels, truth = trained.patches(COUNT, seed=11)
    pixels = np.rint(255 * images).astype("uint8")
    folder = tmp_path_factory.mktemp("pictures")
    for i, levels in enumerate(pixels):
        Image.fromarray(levels).save(folder / f"{i}.png")
    return folder, pixels, labels, truth


@pytest.fixture(scope="module")
def expected(explainer, pictures):
    found = explainer.explain(pictures[1] / 255.0, top_k=3)
    # They tell classes, and the stages of a mask, apart.
    assert np.ptp(found.masks, axis=(1, 2))[:, 0].min() > 0.9
    coarse = explainer.predict(pictures[1] / 255.0, verbose=0)["coarse_masks"]
    coarse = np.take_along_axis(coarse, found.classes[:, None, None], axis=-1)
    side = trained.SIZE // coarse.shape[1]
    larger = coarse.repeat(side, axis=1).repeat(side, axis=2)
    assert np.abs(larger - found.masks).max() > 0.5
    return found


@pytest.fixture(scope="module")
def served(explainer, tmp_path_factory):
    path = tmp_path_factory.mktemp("served") / "1"
    explainer.export(path, mask_size=trained.SIZE, max_batch_size=COUNT)
    return path


@pytest.mark.parametrize(
    "signature",
    [
        "serving_default",
        "explain_bytes",
        "explain_and_verify",
        "explain_bytes_and_verify",
    ],
)
def test_exports(signature, served, pictures, expected):
    folder, pixels, *_ = pictures
    ask = tf.saved_model.load(str(served)).signatures[signature]
    if "bytes" in signature:
        files = [(folder / f"{i}.png").read_bytes() for i in range(COUNT)]
        answer = ask(image_bytes=tf.constant(files))
        found = [
            np.stack([tf.io.decode_png(file)[..., 0] for file in row], axis=-1)
            for row in answer["masks_png_bytes"].numpy()
        ]
        np.testing.assert_allclose(np.stack(found) / 255, expected.masks, atol=LEVEL)
    else:
        answer = ask(images=tf.constant(pixels, "float32"))
    np.testing.assert_array_equal(answer["classes"], expected.classes)
    np.testing.assert_allclose(answer["masks"], expected.masks, atol=1e-4)


def test_export_of_one_class(served, pictures, expected):
    ask = tf.saved_model.load(str(served)).signatures["explain_class"]
    images = tf.constant(pictures[1], "float32")
    for k in range(3):
        masks = ask(images=images, targets=tf.constant(expected.classes[:, k]))["masks"]
        np.testing.assert_allclose(masks, expected.masks[..., k], atol=1e-4)


def test_bulk(served, pictures, expected, tmp_path):
    pytest.importorskip("apache_beam")
    argv = ["explain-bulk", "--explainer", served, "--input", pictures[0]]
    argv += ["--output", tmp_path / "out", "--masks", "png"]
    assert main([*map(str, argv)]) == 0
    found = {row.path: row for row in kx.bulk.read_explanations(tmp_path / "out")}
    masks = [found[path].masks for path in sorted(found)]
    np.testing.assert_allclose(np.stack(masks), expected.masks, atol=LEVEL)


def test_command_line(run, pictures, expected, tmp_path):
    out = tmp_path / "out"
    argv = ["explain", "--explainer", run, pictures[0], "--out", out]
    assert main([*map(str, argv)]) == 0
    records = json.loads((out / "explanations.json").read_text())
    for record, masks, classes in zip(records, expected.masks, expected.classes):
        for told, mask, one in zip(
            record["classes"], np.moveaxis(masks, -1, 0), classes
        ):
            assert told["name"] == trained.NAMES[one]
            written = np.asarray(Image.open(out / told["mask"])) / 255
            np.testing.assert_allclose(written, mask, atol=LEVEL)


def test_report(run, pictures, expected, tmp_path):
    out = tmp_path / "report.html"
    argv = ["report", run, "--images", pictures[0], "--out", out]
    assert main([*map(str, argv)]) == 0
    pattern = r'<script type="application/json" id="data">(.*?)</script>'
    (data,) = re.findall(pattern, out.read_text(), re.DOTALL)
    for i, entry in enumerate(json.loads(data)):
        for k, told in enumerate(entry["classes"]):
            content = base64.b64decode(told["mask"].partition(",")[2])
            shown = np.asarray(Image.open(io.BytesIO(content))) / 255
            np.testing.assert_allclose(shown, expected.masks[i, ..., k], atol=LEVEL)


def test_metrics_of_masks(explainer, pictures, expected):
    _, pixels, labels, truth = pictures
    images, truth = np.float32(pixels / 255.0), truth.max(axis=-1)
    np.testing.assert_array_equal(expected.classes[:, 0], labels)
    said = float(np.mean(kx.metrics.iou(truth, expected.masks[..., 0])))
    quality = kx.callbacks.MaskQuality(images, labels, truth)
    assert quality.measure(explainer)["iou"] == pytest.approx(said, abs=1e-6)
    logs = explainer.evaluate((images, labels, truth), verbose=0, return_dict=True)
    assert logs["iou"] == pytest.approx(said, abs=1e-6)
    rows = np.eye(3, dtype="float32")[labels]
    masks = ExplainerMasks(explainer).pair_masks(
        Batch(images, rows, None, 0), np.arange(COUNT), labels
    )
    np.testing.assert_allclose(masks, expected.masks[..., 0], atol=1e-5)
    one = (truth * (labels[:, None, None] + 1)).astype("uint8")
    result = kx.evaluation.evaluate_methods(
        explainer, [(images, rows, one)], ["explainer"], discrimination_limit=0
    )["explainer"]
    assert result.summary("iou")["mean"] == pytest.approx(said, abs=1e-6)
