"""Rows of explained images in files: TFRecord of `tf.train.Example`, or Parquet."""

import pathlib

import tensorflow as tf

# Name, kind, and whether there are several of it in a row.
_FIELDS = (
    ("path", "string", False),
    ("height", "int32", False),
    ("width", "int32", False),
    ("classes", "int32", True),
    ("class_names", "string", True),
    ("scores", "float32", True),
    ("probabilities", "float32", True),
    ("mask_format", "string", False),
    ("mask_height", "int32", False),
    ("mask_width", "int32", False),
    ("masks", "binary", True),
    # Only of runs that verify masks.
    ("kept_scores", "float32", True),
    ("removed_scores", "float32", True),
)


def write_rows(rows, path):
    """Writes rows as TFRecord or Parquet, by the suffix of the file.

    Args:
        rows: List of dicts with the names of `_FIELDS`; None, or no entry, where
            masks were not verified.
        path: Path of a local file.
    """
    if pathlib.Path(path).suffix == ".parquet":
        import pyarrow
        import pyarrow.parquet

        table = pyarrow.Table.from_pylist(rows, _schema(pyarrow))
        pyarrow.parquet.write_table(table, path)
        return
    with tf.io.TFRecordWriter(str(path)) as writer:
        for row in rows:
            writer.write(_example(row).SerializeToString())


def read_rows(path):
    """Yields the rows of a file, dicts with the names of `_FIELDS` that it has."""
    if pathlib.Path(path).suffix == ".parquet":
        import pyarrow.parquet

        with pyarrow.parquet.ParquetFile(path) as file:
            for batch in file.iter_batches(batch_size=64):
                for row in batch.to_pylist():
                    yield {name: v for name, v in row.items() if v is not None}
        return
    for record in tf.data.TFRecordDataset(str(path)).as_numpy_iterator():
        yield _row(tf.train.Example.FromString(record))


def _example(row):
    features = {}
    for name, kind, is_list in _FIELDS:
        if row.get(name) is None:
            continue
        values = row[name] if is_list else [row[name]]
        if kind in ("string", "binary"):
            values = [v.encode() if kind == "string" else v for v in values]
            feature = tf.train.Feature(bytes_list=tf.train.BytesList(value=values))
        elif kind == "float32":
            feature = tf.train.Feature(float_list=tf.train.FloatList(value=values))
        else:
            feature = tf.train.Feature(int64_list=tf.train.Int64List(value=values))
        features[name] = feature
    return tf.train.Example(features=tf.train.Features(feature=features))


def _row(example):
    row = {}
    for name, kind, is_list in _FIELDS:
        if name not in example.features.feature:
            continue
        feature = example.features.feature[name]
        values = list(getattr(feature, feature.WhichOneof("kind")).value)
        values = [v.decode() for v in values] if kind == "string" else values
        row[name] = values if is_list else values[0]
    return row


def _schema(pyarrow):
    kinds = {name: getattr(pyarrow, kind)() for name, kind, _ in _FIELDS}
    return pyarrow.schema(
        [
            (name, pyarrow.list_(kinds[name]) if is_list else kinds[name])
            for name, _, is_list in _FIELDS
        ]
    )
