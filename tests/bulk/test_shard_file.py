"""Rows in files: what is read is what was written."""

import numpy as np
import pytest

from keras_explainer.bulk import read_explanations
from keras_explainer.bulk.mask_encoding import encode_mask
from keras_explainer.bulk.read_shard import is_tfrecord
from keras_explainer.bulk.shard_file import read_rows
from keras_explainer.bulk.shard_file import write_rows


def row(number):
    masks = np.zeros((2, 3, 2), "float32")
    masks[number, :, 1] = 1
    return {
        "path": f"grün/{number}.jpg",
        "height": 40,
        "width": 60,
        "classes": [5, number],
        "class_names": ["müßig", "cat"],
        "scores": [0.75, 0.125],
        "probabilities": [0.125, 0.0, 0.125, 0.0, 0.0, 0.75],
        "mask_format": "rle",
        "mask_height": 2,
        "mask_width": 3,
        "masks": [encode_mask(masks[..., i], "rle") for i in range(2)],
    }


@pytest.mark.parametrize("format", ["tfrecord", "parquet"])
def test_rows_come_back(tmp_path, format):
    path = tmp_path / f"masks-00000-of-00002.{format}"
    write_rows([row(0), row(1)], path)
    assert list(read_rows(path)) == [row(0), row(1)]
    write_rows([], tmp_path / f"masks-00001-of-00002.{format}")
    first, second = read_explanations(tmp_path)
    assert (first.path, first.size) == ("grün/0.jpg", (40, 60))
    assert first.class_names == ["müßig", "cat"]
    assert first.masks[..., 0].tolist() == [[0, 0, 0], [0, 0, 0]]
    assert first.masks[..., 1].tolist() == [[1, 1, 1], [0, 0, 0]]
    assert second.masks[..., 1].tolist() == [[0, 0, 0], [1, 1, 1]]
    assert second.classes.tolist() == [5, 1]
    assert second.scores.tolist() == [0.75, 0.125]
    assert second.probabilities.tolist() == [0.125, 0, 0.125, 0, 0, 0.75]


@pytest.mark.parametrize("format", ["tfrecord", "parquet"])
def test_the_proof_of_masks_comes_back(tmp_path, format):
    proof = {"kept_scores": [0.5, 0.125], "removed_scores": [0.25, 0.0]}
    path = tmp_path / f"masks-00000-of-00002.{format}"
    write_rows([{**row(0), **proof}], path)
    assert list(read_rows(path)) == [{**row(0), **proof}]
    write_rows([row(1)], tmp_path / f"masks-00001-of-00002.{format}")
    verified, plain = read_explanations(tmp_path)
    assert verified.kept_scores.tolist() == proof["kept_scores"]
    assert verified.removed_scores.tolist() == proof["removed_scores"]
    assert verified.kept_scores.dtype == verified.removed_scores.dtype == "float32"
    assert plain.kept_scores is None and plain.removed_scores is None


def test_parquet_of_before_there_was_a_proof_is_read(tmp_path):
    pyarrow = pytest.importorskip("pyarrow")
    parquet = pytest.importorskip("pyarrow.parquet")
    path = tmp_path / "masks-00000-of-00001.parquet"
    parquet.write_table(pyarrow.Table.from_pylist([row(0)]), path)
    (found,) = read_explanations(tmp_path)
    assert found.kept_scores is None and found.scores.tolist() == [0.75, 0.125]


def test_a_folder_without_shards_is_refused(tmp_path):
    with pytest.raises(FileNotFoundError, match="Argument `folder` should be .* Rec"):
        read_explanations(tmp_path)


def test_names_of_tfrecord_files():
    names = ["a.tfrecord", "dir/a.tfrecord-00000-of-00010", "gs://b/a.tfrecords"]
    assert all(map(is_tfrecord, names))
    assert not any(map(is_tfrecord, ["a.jpg", "a.tfrecord.d/b.jpg", "tfrecord"]))
