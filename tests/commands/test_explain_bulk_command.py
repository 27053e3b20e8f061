"""`explain-bulk`: every image once, whatever happens, with the masks of `explain`."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import threading
import time

import numpy as np
import pytest
import tensorflow as tf
from conftest import tiny_classifier
from odd_pictures import picture
from odd_pictures import save_odd_pictures

import keras_explainer as kx
from keras_explainer.__main__ import build_parser
from keras_explainer.__main__ import main
from keras_explainer.bulk import run_pipeline
from keras_explainer.commands import explain_bulk
from keras_explainer.loading.load_explainer import load_explainer
from keras_explainer.loading.pictures import explainer_input
from keras_explainer.loading.pictures import read_pictures

NAMES = ["red fox", "dog", "cat"]
# Masks in PNG are in steps of 1/255; the exported explainer is within 1e-4.
TOLERANCE = 0.5 / 255 + 1e-4


def bulk(out, *argv):
    return main(["explain-bulk", "--output", str(out), *map(str, argv)])


def names(folder):
    return {path.name for path in folder.iterdir()}


def failures(folder):
    files = sorted(folder.glob("failed-*.jsonl"))
    lines = [line for file in files for line in file.read_text().splitlines()]
    return {entry["path"]: entry["reason"] for entry in map(json.loads, lines)}


# === Without a run ===


def test_other_flags_are_kept_for_beam():
    argv = ["explain-bulk", "--explainer", "e", "--input", "a", "b", "--flink_master"]
    argv += ["host:8081", "--output", "out", "--direct_num_workers=2", "--streaming"]
    args = build_parser().parse_args(argv)
    assert args.input == ["a", "b"]
    others = ["--flink_master", "host:8081", "--direct_num_workers=2", "--streaming"]
    assert args.other_arguments == others


def test_beam_is_missing(monkeypatch, capsys, tmp_path):
    monkeypatch.setitem(sys.modules, "apache_beam", None)
    assert bulk(tmp_path / "out", "--explainer", "e.keras", "--input", "a.jpg") == 1
    error = capsys.readouterr().err
    assert error.startswith("error: Command explain-bulk needs ")
    assert "pip install 'keras_explainer[beam]'" in error and error.count("\n") == 1
    assert names(tmp_path) == set()


@pytest.fixture
def folder(tmp_path):
    """An empty file for an explainer, and one picture."""
    picture().save(tmp_path / "a.jpg")
    (tmp_path / "e.keras").write_text("")
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "notes.txt").write_text("mine")
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "config.json").write_text('{\n  "command": "train"\n}\n')
    return tmp_path


def test_no_explainer_and_nothing_written(folder, capsys):
    given = ["--explainer", folder / "e.keras", "--input", folder / "a.jpg"]
    assert bulk(folder / "out", *given) == 2
    assert "e.keras, which Keras cannot load" in capsys.readouterr().err
    assert not (folder / "out").exists()


@pytest.mark.parametrize(
    ("explainer", "images", "output", "message"),
    [
        ("gone.keras", "a.jpg", "out", "--explainer should be .*gone.keras, which"),
        ("e.keras", "*.png", "out", r"--input should name at least one.*\*.png"),
        ("e.keras", "a.jpg", "other", "--output should be a new folder.*other files"),
        ("e.keras", "a.jpg", "run", "--output should be a new folder.*other files"),
        ("e.keras", "a.jpg", "out --runner Walker", "--runner.* Received: Walker"),
    ],
)
def test_wrong_arguments(
    folder, capsys, monkeypatch, explainer, images, output, message
):
    monkeypatch.chdir(folder)
    monkeypatch.setattr(explain_bulk, "_loaded", lambda *args: None)
    out, *others = output.split()
    assert bulk(out, "--explainer", explainer, "--input", images, *others) == 2
    error = capsys.readouterr().err
    assert error.startswith("error: Argument --") and error.count("\n") == 1
    assert re.search(message, error), error
    assert names(folder / "other") == {"notes.txt"}


@pytest.mark.parametrize("stopped_for_an_error", [False, True])
def test_a_killed_process_ends_the_command(monkeypatch, capsys, stopped_for_an_error):
    """Beam waits for ever for a process that is gone; an error of ours comes first."""
    codes = []
    monkeypatch.setattr(run_pipeline.os, "_exit", codes.append)
    monkeypatch.setattr(
        run_pipeline, "_SECONDS_FOR_ITS_OWN_END", 60 if stopped_for_an_error else 0
    )

    def wait_for_a_process():
        raise RuntimeError("Worker subprocess exited with return code 137")

    thread = threading.Thread(target=wait_for_a_process, name="run_worker")
    with run_pipeline._giving_up_with_a_worker():
        thread.start()
        if not stopped_for_an_error:
            thread.join()
    thread.join()
    assert codes == ([] if stopped_for_an_error else [1])
    told = "the same command goes on from here. Received: Worker subprocess exited"
    assert (told in capsys.readouterr().err) is not stopped_for_an_error


# === Runs ===


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    """An explainer, and pictures of all kinds, two of which are none."""
    home = tmp_path_factory.mktemp("bulk")
    classifier = tiny_classifier()
    explainer = kx.ExplainerModel(
        classifier, preprocess_input="mobilenet", class_names=NAMES
    )
    # Masks that differ from the classifier's bare evidence.
    vectors = explainer.class_head.class_vectors
    vectors.assign(2 * np.random.default_rng(0).normal(size=vectors.shape))
    explainer.save(home / "explainer.keras")
    folder = home / "pictures"
    folder.mkdir()
    for seed in range(20):
        picture(seed=seed).save(folder / f"{seed}.jpg")
    save_odd_pictures(folder)
    whole = (folder / "0.jpg").read_bytes()
    (folder / "cut.jpg").write_bytes(whole[: len(whole) // 2])
    return home


@pytest.fixture(scope="module")
def done(home):
    """The output of a whole run, for tests that only read."""
    out = home / "done"
    given = ["--explainer", home / "explainer.keras", "--input", home / "pictures"]
    assert bulk(out, *given, "--top-k", "2", "--batch-size", "4") == 0
    return out


def explained(home, paths, top_k, **options):
    explainer = load_explainer(home / "explainer.keras")
    pictures = [picture for _, picture in read_pictures(paths)]
    images = explainer_input(pictures, explainer)
    return explainer.explain(images, top_k=top_k, **options)


@pytest.mark.slow
def test_masks_are_those_of_explain(home, done):
    rows = list(kx.bulk.read_explanations(done))
    assert len(rows) == len({row.path for row in rows}) == 23
    sizes = {row.path.removeprefix(f"{home}/pictures/"): row.size for row in rows}
    assert sizes["a [1].webp"] == (20, 200)
    assert sizes["turned.jpg"] == (60, 40)  # upright
    expected = explained(home, [row.path for row in rows], 2)
    for i, row in enumerate(rows):
        np.testing.assert_allclose(row.masks, expected.masks[i], atol=TOLERANCE)
        np.testing.assert_array_equal(row.classes, expected.classes[i])
        np.testing.assert_allclose(row.scores, expected.scores[i], atol=1e-4)
        np.testing.assert_allclose(
            row.probabilities, expected.probabilities[i], atol=1e-4
        )
        assert row.class_names == [NAMES[index] for index in row.classes]
    # Masks that a bad reader could not tell apart would prove nothing.
    assert np.std([row.masks for row in rows]) > 0.05


@pytest.mark.slow
@pytest.mark.parametrize("format", ["tfrecord", "parquet"])
def test_masks_are_verified(home, done, tmp_path, capsys, format):
    out, paths = tmp_path / "out", [str(home / "pictures" / f"{i}.jpg") for i in (0, 1)]
    given = ["--explainer", done / "explainer" / "1", "--input", *paths]
    given += ["--format", format, "--top-k", "1", "--threshold", "0.9"]
    assert bulk(out, *given, "--verify") == 0
    rows = {row.path: row for row in kx.bulk.read_explanations(out)}
    expected = explained(home, paths, 1, verify=True)
    for i, path in enumerate(paths):
        for name in ("kept_scores", "removed_scores"):
            values = getattr(rows[path], name)
            assert values.shape == (1,)
            np.testing.assert_allclose(values, getattr(expected, name)[i], atol=1e-4)
    assert np.abs(expected.kept_scores - expected.scores).max() > 0.01
    # A run goes on as it began.
    assert bulk(out, *given) == 2
    assert "--verify should be True of the run in" in capsys.readouterr().err
    assert bulk(out, *given, "--verify") == 0


@pytest.mark.slow
def test_a_run_of_before_there_was_a_proof_goes_on(home, done, capsys, tmp_path):
    out = tmp_path / "out"
    shutil.copytree(done, out)
    assert next(kx.bulk.read_explanations(out)).kept_scores is None
    config = json.loads((out / "config.json").read_text())
    assert config.pop("verify") is False
    (out / "config.json").write_text(json.dumps(config))
    given = ["--explainer", home / "explainer.keras", "--input", home / "pictures"]
    given += ["--top-k", "2", "--batch-size", "4"]
    assert bulk(out, *given) == 0
    assert "Read 0 images" in capsys.readouterr().out
    assert bulk(out, *given, "--verify") == 2
    assert "--verify should be False of the run in" in capsys.readouterr().err


@pytest.mark.slow
def test_an_export_of_before_there_was_a_proof_is_refused(home, tmp_path, capsys):
    module = tf.Module()
    spec = tf.TensorSpec((None, 8, 8, 3), tf.float32, "images")
    module.masks = tf.function(lambda images: {"masks": images}, [spec])
    tf.saved_model.save(module, str(tmp_path / "1"), module.masks)
    given = ["--explainer", tmp_path / "1", "--input", home / "pictures"]
    assert bulk(tmp_path / "out", *given, "--verify") == 2
    error = capsys.readouterr().err
    assert "--explainer should be exported anew by `keras-explainer export`" in error
    assert error.count("\n") == 1 and not (tmp_path / "out").exists()
    # One that is elsewhere is looked at by those who load it.
    from keras_explainer.bulk.saved_model_handler import SavedModelHandler

    handler = SavedModelHandler(str(tmp_path / "1"), 1, 1, "png", None, verify=True)
    with pytest.raises(ValueError, match="signature explain_and_verify, as one exp"):
        handler.load_model()


@pytest.mark.slow
def test_bad_files_are_set_aside_with_the_reason(home, done):
    found = failures(done)
    assert set(found) == {str(home / "pictures" / n) for n in ("broken.jpg", "cut.jpg")}
    assert found[str(home / "pictures" / "broken.jpg")] == "cannot identify image file"
    assert "truncated" in found[str(home / "pictures" / "cut.jpg")]


@pytest.mark.slow
def test_tfrecord_to_run_lengths_in_parquet(home, done, tmp_path, capsys):
    paths = [home / "pictures" / f"{seed}.jpg" for seed in range(3)]
    records = [example("image/encoded", paths[0]), b"\xff no example"]
    records += [example("image", paths[1]), example("sound", paths[1])]
    write_records(tmp_path / "first.tfrecord", records)
    write_records(tmp_path / "cut.tfrecord-00000-of-00001", [records[0], records[2]])
    file = tmp_path / "cut.tfrecord-00000-of-00001"
    file.write_bytes(file.read_bytes()[:-5])
    given = ["--explainer", done / "explainer" / "1", "--masks", "rle"]
    given += ["--input", f"{tmp_path}/*tfrecord*", "--threshold", "0.4"]
    assert bulk(tmp_path / "out", *given, "--format", "parquet") == 0
    assert "Read 6 images: explained 3, failed 3; see" in capsys.readouterr().out
    rows = {row.path: row for row in kx.bulk.read_explanations(tmp_path / "out")}
    first = f"{tmp_path}/first.tfrecord"
    assert set(rows) == {f"{file}:0", f"{first}:0", f"{first}:2"}
    found = failures(tmp_path / "out")
    assert set(found) == {f"{file}:1", f"{first}:1", f"{first}:3"}
    assert found[f"{first}:1"].startswith("no tf.train.Example")
    assert found[f"{first}:3"] == "no feature image/encoded or image"
    assert "truncated" in found[f"{file}:1"]
    expected = explained(home, [paths[0], paths[1]], 2).masks
    for mask, row in zip(expected, (rows[f"{first}:0"], rows[f"{first}:2"])):
        sure = np.abs(mask - 0.4) > 1e-4
        np.testing.assert_array_equal(row.masks[sure], (mask >= 0.4)[sure])
        assert sure.mean() > 0.99 and 0 < row.masks.mean() < 1


def example(name, path):
    value = tf.train.BytesList(value=[path.read_bytes()])
    features = {name: tf.train.Feature(bytes_list=value)}
    return tf.train.Example(
        features=tf.train.Features(feature=features)
    ).SerializeToString()


def write_records(path, records):
    with tf.io.TFRecordWriter(str(path)) as writer:
        for record in records:
            writer.write(record)


@pytest.mark.slow
def test_killed_and_run_again(home, done, tmp_path, capsys):
    out, folder = tmp_path / "out", tmp_path / "pictures"
    folder.mkdir()
    for seed in range(300):
        picture(seed=seed).save(folder / f"{seed}.png")
    (folder / "broken.png").write_bytes(b"no picture")
    given = ["--explainer", str(done / "explainer" / "1"), "--input", str(folder)]
    given += ["--shards", "100", "--batch-size", "1"]
    command = [sys.executable, "-m", "keras_explainer", "explain-bulk"]
    process = subprocess.Popen([*command, *given, "--output", str(out)])
    deadline = time.monotonic() + 300
    while len(list(out.glob("masks-*"))) < 5:
        assert process.poll() is None and time.monotonic() < deadline
        time.sleep(0.005)
    process.send_signal(signal.SIGKILL)
    process.wait()
    before = {path: path.stat().st_mtime_ns for path in out.glob("masks-*")}
    first = [row.path for row in kx.bulk.read_explanations(out)]
    assert 5 <= len(before) < 90 and 0 < len(first) < 300
    (out / ".masks-00000-of-00100.tfrecord-12345678.partial").write_text("half")

    assert bulk(out, *given) == 0
    told = capsys.readouterr().out
    rows = [row.path for row in kx.bulk.read_explanations(out)]
    assert sorted(rows) == sorted(str(path) for path in folder.glob("[0-9]*.png"))
    assert set(failures(out)) == {str(folder / "broken.png")}
    # What was finished is neither done nor counted again.
    assert all(path.stat().st_mtime_ns == when for path, when in before.items())
    assert f"explained {300 - len(first)}, failed" in told
    assert f"; {len(before)} of " in told
    assert not list(out.glob(".*"))

    # All is there now: nothing is read, and other settings or images are refused.
    assert bulk(out, *given) == 0
    assert "Read 0 images" in capsys.readouterr().out
    whole = names(out)
    assert bulk(out, *given, "--masks", "rle") == 2
    assert "Argument --masks should be 'png'" in capsys.readouterr().err
    (folder / "new.png").write_bytes(b"no picture")
    assert bulk(out, *given) == 2
    assert "Received: 302, of which 1 are new" in capsys.readouterr().err
    assert names(out) == whole


@pytest.mark.thorough
def test_two_processes_do_the_same(home, done, tmp_path):
    out = tmp_path / "out"
    command = [sys.executable, "-m", "keras_explainer", "explain-bulk"]
    command += ["--explainer", home / "explainer.keras", "--top-k", "2"]
    command += ["--input", home / "pictures", "--output", out]
    command += [
        "--direct_num_workers",
        "2",
        "--direct_running_mode",
        "multi_processing",
    ]
    ended = subprocess.run(
        command, capture_output=True, text=True, env={**os.environ, "COLUMNS": "400"}
    )
    assert ended.returncode == 0, ended.stderr
    assert "Read 25 images: explained 23, failed 2; see" in ended.stdout
    assert failures(out) == failures(done)
    expected = {row.path: row for row in kx.bulk.read_explanations(done)}
    for row in kx.bulk.read_explanations(out):
        other = expected.pop(row.path)
        np.testing.assert_allclose(row.masks, other.masks, atol=1.01 / 255)
        np.testing.assert_allclose(row.scores, other.scores, atol=1e-4)
    assert not expected
