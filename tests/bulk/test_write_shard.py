"""A shard is written when it is whole, and not before."""

import json

import numpy as np
import pytest

from keras_explainer.bulk import read_explanations
from keras_explainer.bulk.bulk_folder import BulkFolder
from keras_explainer.bulk.elements import Explained
from keras_explainer.bulk.elements import Failed
from keras_explainer.bulk.elements import ShardEnd
from keras_explainer.bulk.write_shard import WriteShard


def explained(shard, path):
    row = {
        "path": path,
        "height": 2,
        "width": 2,
        "classes": [1],
        "class_names": ["cat"],
        "scores": [1.0],
        "probabilities": [0.0, 1.0],
        "masks": np.full((2, 2, 1), 0.6, "float32"),
    }
    return Explained(shard, row)


@pytest.fixture
def folder(tmp_path):
    return BulkFolder(str(tmp_path), 4, "tfrecord")


@pytest.fixture
def writer(folder):
    writer = WriteShard(folder, "png", None)
    writer.start_bundle()
    return writer


def names(path):
    return sorted(entry.name for entry in path.iterdir())


def test_shards_that_take_turns(writer, tmp_path):
    elements = [
        explained(0, "a.jpg"),
        explained(1, "b.jpg"),
        Failed(0, "c.jpg", "no picture"),
        ShardEnd(1, 1),
        explained(0, "d.jpg"),
    ]
    assert [list(writer.process(element)) for element in elements[:3]] == [[]] * 3
    assert names(tmp_path) == []
    assert list(writer.process(elements[3])) == [1]
    assert names(tmp_path) == ["masks-00001-of-00004.tfrecord"]
    # The end may come before the last image.
    assert list(writer.process(ShardEnd(0, 3))) == []
    assert list(writer.process(elements[4])) == [0]
    writer.finish_bundle()
    paths = [found.path for found in read_explanations(tmp_path)]
    assert paths == ["a.jpg", "d.jpg", "b.jpg"]
    lines = (tmp_path / "failed-00000-of-00004.jsonl").read_text().splitlines()
    assert [json.loads(line) for line in lines] == [
        {"path": "c.jpg", "reason": "no picture"}
    ]
    assert len(names(tmp_path)) == 3  # Nothing is left of what was being written.


def test_a_part_of_a_shard_is_an_error(writer, tmp_path):
    list(writer.process(explained(0, "a.jpg")))
    list(writer.process(ShardEnd(0, 2)))
    with pytest.raises(RuntimeError, match="together.*Received: parts of 1 shards"):
        writer.finish_bundle()
    assert names(tmp_path) == []


def test_failures_of_an_attempt_before_do_not_stay(writer, folder, tmp_path):
    (tmp_path / "failed-00002-of-00004.jsonl").write_text("{}\n")
    list(writer.process(explained(2, "a.jpg")))
    assert list(writer.process(ShardEnd(2, 1))) == [2]
    assert names(tmp_path) == ["masks-00002-of-00004.tfrecord"]


def test_shards_are_the_same_everywhere(folder):
    """Known values, since another process of another year must agree."""
    paths = ["a.jpg", "b.jpg", "grün/c.jpg", "\udcff.jpg"]
    assert [folder.shard_of(path) for path in paths] == [1, 2, 0, 2]
    counts = np.bincount([folder.shard_of(f"{i}.jpg") for i in range(4000)])
    assert counts.min() > 900


def test_partial_files_are_dropped(folder, tmp_path):
    (tmp_path / ".masks-00002-of-00004.tfrecord-12345678.partial").write_text("half")
    (tmp_path / "masks-00001-of-00004.tfrecord").write_text("")
    folder.drop_partial()
    assert names(tmp_path) == ["masks-00001-of-00004.tfrecord"]
