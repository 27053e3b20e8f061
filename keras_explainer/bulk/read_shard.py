"""What there is to explain: shards, and their images in files or TFRecord files."""

import contextlib
import pathlib
import re
import shutil
import tempfile

import apache_beam as beam
from apache_beam.io.filesystem import CompressionTypes
from apache_beam.io.filesystems import FileSystems

from keras_explainer.bulk.pipeline_elements import Failed
from keras_explainer.bulk.pipeline_elements import Picture
from keras_explainer.bulk.pipeline_elements import Shard

# Where an image is in a `tf.train.Example`, as its writers call it.
_IMAGE_FEATURES = ("image/encoded", "image")


class UnfinishedShards(beam.DoFn):
    """Yields a `Shard` for each key and its paths, unless the shard is finished.

    Args:
        folder: `BulkFolder` with the results.
    """

    def __init__(self, folder):
        self.folder = folder

    def process(self, shard_and_paths):
        shard, paths = shard_and_paths
        if not FileSystems.exists(self.folder.masks(shard)):
            yield Shard(shard, sorted(paths))


def read_images(paths):
    """Yields a `Picture` or `Failed` for each image in files, as they are asked for."""
    for path in paths:
        if is_tfrecord(path):
            yield from _records(path)
        else:
            yield _picture(path)


def is_tfrecord(path):
    """Returns whether a path names a TFRecord file, such as a.tfrecord-00000-of-9."""
    return re.search(r"\.tfrecords?\b", pathlib.PurePath(path).name) is not None


def _picture(path):
    try:
        with _open(path) as file:
            return Picture(path, file.read())
    # File systems raise what they like.
    except Exception as error:
        return Failed(path, _reason(error))


def _records(path):
    """Yields the records of a TFRecord file; from the first broken one on, none."""
    import tensorflow as tf

    index = 0
    try:
        with _local(path) as file:
            for record in tf.data.TFRecordDataset(file).as_numpy_iterator():
                yield _from_record(f"{path}:{index}", record)
                index += 1
    # The same, and what TensorFlow says about bytes that are no records.
    except Exception as error:
        yield Failed(f"{path}:{index}", f"{_reason(error)} (the file's rest)")


def _from_record(name, record):
    import tensorflow as tf

    try:
        features = tf.train.Example.FromString(record).features.feature
    except Exception as error:
        return Failed(name, f"no tf.train.Example ({_reason(error)})")
    for feature in _IMAGE_FEATURES:
        if features[feature].bytes_list.value:
            return Picture(name, features[feature].bytes_list.value[0])
    return Failed(name, f"no feature {' or '.join(_IMAGE_FEATURES)}")


def _open(path):
    return FileSystems.open(path, compression_type=CompressionTypes.UNCOMPRESSED)


@contextlib.contextmanager
def _local(path):
    """Gives the path of a file, or of its copy if it is on another machine."""
    if "://" not in path:
        yield path
        return
    with tempfile.NamedTemporaryFile() as copy, _open(path) as file:
        shutil.copyfileobj(file, copy)
        copy.flush()
        yield copy.name


def _reason(error):
    return " ".join(str(getattr(error, "strerror", None) or error).split())
