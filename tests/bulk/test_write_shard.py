"""Every image once, whatever a runner does between the stages."""

import collections
import json
import os
import pickle
import random
import types

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from keras_explainer.bulk import read_explanations
from keras_explainer.bulk.bulk_folder import BulkFolder
from keras_explainer.bulk.pipeline_elements import ExplainedShard
from keras_explainer.bulk.pipeline_elements import Failed
from keras_explainer.bulk.read_shard import UnfinishedShards
from keras_explainer.bulk.saved_model_handler import SavedModelHandler
from keras_explainer.bulk.write_shard import WriteShard


def row(path, level=153):
    code = Image.fromarray(np.full((2, 2), level, "uint8"))
    return {
        "path": path,
        "height": 2,
        "width": 2,
        "classes": [1],
        "class_names": ["cat"],
        "scores": [1.0],
        "probabilities": [0.0, 1.0],
        "mask_format": "png",
        "mask_height": 2,
        "mask_width": 2,
        "masks": [png(code)],
    }


def png(image):
    import io

    file = io.BytesIO()
    image.save(file, "PNG")
    return file.getvalue()


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "out").mkdir()
    return BulkFolder(str(tmp_path / "out"), 4, "tfrecord")


def names(path):
    return sorted(entry.name for entry in path.iterdir())


def explained(out):
    """Path and mean mask of all rows."""
    return [(found.path, float(found.masks.mean())) for found in read_explanations(out)]


def failures(out):
    files = sorted(out.glob("failed-*"))
    return [json.loads(line) for file in files for line in file.open()]


# === A shard ===


def test_a_shard_is_whole(folder, tmp_path):
    writer = WriteShard(folder)
    shard = ExplainedShard(1, [row("a.jpg"), row("b.jpg")], [Failed("c.jpg", "cut")])
    assert list(writer.process(shard)) == [1]
    out = tmp_path / "out"
    assert names(out) == [
        "failed-00001-of-00004.jsonl",
        "masks-00001-of-00004.tfrecord",
    ]
    assert [path for path, _ in explained(out)] == ["a.jpg", "b.jpg"]
    assert failures(out) == [{"path": "c.jpg", "reason": "cut"}]


@pytest.mark.parametrize("first", [0, 1])
def test_the_first_attempt_that_is_finished_stays(folder, tmp_path, first):
    """With its own failures, which another may not have had, so no image is lost."""
    attempts = [
        ExplainedShard(2, [row("a.jpg")], [Failed("b.jpg", "the disk was away")]),
        ExplainedShard(2, [row("a.jpg"), row("b.jpg")], []),
    ]
    for attempt in (attempts[first], attempts[1 - first], attempts[first]):
        assert list(WriteShard(folder).process(attempt)) == [2]
    paths = [path for path, _ in explained(tmp_path / "out")]
    lost = [entry["path"] for entry in failures(tmp_path / "out")]
    assert sorted(paths + lost) == ["a.jpg", "b.jpg"]
    assert len(lost) == 1 - first


def test_failures_of_an_attempt_before_do_not_stay(folder, tmp_path):
    out = tmp_path / "out"
    (out / "failed-00002-of-00004.jsonl").write_text("{}\n")
    assert list(WriteShard(folder).process(ExplainedShard(2, [row("a.jpg")], []))) == [
        2
    ]
    assert names(out) == ["masks-00002-of-00004.tfrecord"]


# === A runner that does all that Beam allows ===


class Model:
    """Stands for the exported explainer: masks of the mean level of the image."""

    def __init__(self):
        explain = Model.explain
        inputs = {"images": tf.TensorSpec((None, 8, 8, 3))}
        signature = types.SimpleNamespace(structured_input_signature=((), inputs))
        explaining = type("Explain", (), {"__call__": staticmethod(explain)})()
        explaining.__dict__.update(vars(signature))
        self.signatures = {"serving_default": explaining}

    @staticmethod
    def explain(images):
        count = len(images)
        means = tf.reduce_mean(images, (1, 2, 3)) / 255
        masks = tf.tile(means[:, None, None, None], (1, 4, 4, 2))
        return {
            "masks": masks,
            "classes": tf.tile([[1, 0]], (count, 1)),
            "class_names": tf.tile([["cat", "dog"]], (count, 1)),
            "scores": tf.tile([[0.9, 0.1]], (count, 1)),
            "probabilities": tf.tile([[0.1, 0.9]], (count, 1)),
        }


class Handler(SavedModelHandler):
    def load_model(self):
        return Model()


@pytest.fixture
def pictures(tmp_path):
    """Pictures of one level each, and files that are none."""
    (tmp_path / "in").mkdir()
    for level in range(0, 250, 10):
        Image.new("L", (9, 7), level).save(tmp_path / "in" / f"{level}.png")
    (tmp_path / "in" / "none.png").write_bytes(b"no picture")
    (tmp_path / "in" / "empty.png").write_bytes(b"")
    return [str(path) for path in sorted((tmp_path / "in").iterdir())]


def handler(batch_size=3):
    return Handler("nowhere", batch_size, 2, "png", None)


def grouped(folder, paths):
    groups = collections.defaultdict(list)
    for path in paths:
        groups[folder.shard_of(path)].append(path)
    return list(groups.items())


class RoughRunner:
    """Hands elements on in any order and bundles, pickled, again, and for nothing."""

    def __init__(self, seed):
        self.random = random.Random(seed)

    def bundles(self, elements):
        elements = [pickle.loads(pickle.dumps(element)) for element in elements]
        self.random.shuffle(elements)
        while elements:
            size = self.random.randint(1, len(elements))
            yield elements[:size]
            elements = elements[size:]

    def run(self, elements, process):
        """Runs a stage; bundles are given up halfway, tried again, and done twice."""
        done, zombies = [], []
        for bundle in self.bundles(elements):
            if self.random.random() < 0.5:  # A worker dies in the middle.
                process(bundle[: self.random.randint(0, len(bundle))])
            done += process(bundle)
            if self.random.random() < 0.5:  # A slow worker goes on, unheard.
                zombies.append(bundle)
            if self.random.random() < 0.2:  # Its answer counts as well.
                done += process(bundle)
        for bundle in zombies:
            process(bundle)
        return done


@pytest.mark.parametrize("seed", range(10))
def test_a_runner_that_shuffles_and_tries_again(folder, pictures, tmp_path, seed):
    runner, batch_size = RoughRunner(seed), 1 + seed % 4
    shards = grouped(folder, pictures)
    unfinished, explaining = UnfinishedShards(folder), handler(batch_size)
    writing = WriteShard(folder)
    elements = runner.run(
        shards, lambda bundle: [e for x in bundle for e in unfinished.process(x)]
    )
    elements = runner.run(
        elements, lambda bundle: list(explaining.run_inference(bundle, Model()))
    )
    runner.run(elements, lambda bundle: [e for x in bundle for e in writing.process(x)])
    assert_every_image_once(tmp_path / "out", pictures)


def assert_every_image_once(out, pictures):
    rows = explained(out)
    good = [path for path in pictures if os.path.basename(path)[:-4].isdecimal()]
    assert sorted(path for path, _ in rows) == sorted(good)
    for path, mean in rows:
        assert mean == pytest.approx(int(os.path.basename(path)[:-4]) / 255, abs=1e-6)
    found = failures(out)
    assert sorted(entry["path"] for entry in found) == sorted(set(pictures) - set(good))
    assert {entry["reason"] for entry in found} == {"cannot identify image file"}
    assert not list(out.glob(".*"))


@pytest.mark.slow
def test_stages_that_beam_does_not_fuse(folder, pictures, tmp_path):
    """Each stage is reshuffled, so that whole shards go between them."""
    import apache_beam as beam
    from apache_beam.ml.inference.base import RunInference
    from apache_beam.options.pipeline_options import PipelineOptions

    flags = ["--runner=DirectRunner", "--allow_unsafe_triggers"]
    with beam.Pipeline(options=PipelineOptions(flags)) as pipeline:
        (
            pipeline
            | beam.Create(grouped(folder, pictures))
            | beam.ParDo(UnfinishedShards(folder))
            | "first" >> beam.Reshuffle()
            | RunInference(handler())
            | "second" >> beam.Reshuffle()
            | beam.ParDo(WriteShard(folder))
        )
    assert_every_image_once(tmp_path / "out", pictures)


def test_a_finished_shard_is_not_read_again(folder):
    assert list(UnfinishedShards(folder).process((3, iter(["b", "a"])))) == [
        (3, ["a", "b"])
    ]
    list(WriteShard(folder).process(ExplainedShard(3, [row("a")], [])))
    assert list(UnfinishedShards(folder).process((3, ["b", "a"]))) == []


# === The folder ===


def test_shards_are_the_same_everywhere(folder):
    """Known values, since another process of another year must agree."""
    paths = ["a.jpg", "b.jpg", "grün/c.jpg", "\udcff.jpg"]
    assert [folder.shard_of(path) for path in paths] == [1, 2, 0, 2]
    counts = np.bincount([folder.shard_of(f"{i}.jpg") for i in range(4000)])
    assert counts.min() > 900


@pytest.mark.parametrize("name", ["out", "out [1]", "a*b"])
def test_partial_files_are_dropped(tmp_path, name):
    out, other = tmp_path / name, tmp_path / "out 1"
    for path in {out, other}:
        path.mkdir()
        (path / ".masks-00002-of-00004.tfrecord-12345678.partial").write_text("half")
        (path / "masks-00001-of-00004.tfrecord").write_text("")
    folder = BulkFolder(str(out), 4, "tfrecord")
    assert folder.finished() == {str(out / "masks-00001-of-00004.tfrecord")}
    folder.remove_partial()
    assert names(out) == ["masks-00001-of-00004.tfrecord"]
    assert len(names(other)) == 2
