"""From the explained images of a shard to its files, each whole or not at all."""

import json
import os
import shutil
import tempfile
import uuid

import apache_beam as beam
from apache_beam.io.filesystems import FileSystems


class WriteShard(beam.DoFn):
    """Writes shards, each whole or not at all, and yields their numbers.

    All that this relies on is what every runner of Beam promises: that an element is
    handed over whole. Nothing is kept from one element to the next; elements may come
    in any order and in any bundles, from a stage in another process, and more than
    once. Of several attempts at a shard, the first that is finished stays.

    Args:
        folder: `BulkFolder` for the results.
    """

    def __init__(self, folder):
        self.folder = folder
        count = beam.metrics.Metrics.counter
        self.explained = count("explain_bulk", "explained")
        self.failed = count("explain_bulk", "failed")

    def process(self, element):
        if not FileSystems.exists(self.folder.masks(element.shard)):
            self._write(*element)
        self.explained.inc(len(element.rows))
        self.failed.inc(len(element.failed))
        yield element.shard

    def _write(self, shard, rows, failed):
        from keras_explainer.bulk.shard_file import write_rows

        path = self.folder.failed(shard)
        if failed:
            lines = "".join(json.dumps(entry._asdict()) + "\n" for entry in failed)
            write_whole(path, lines.encode())
        elif FileSystems.exists(path):
            remove_file(path)  # Of a run that got no further than this.
        # Last, since a shard with this file is finished.
        path = self.folder.masks(shard)
        with tempfile.TemporaryDirectory() as local:
            file = os.path.join(local, os.path.basename(path))
            write_rows(rows, file)
            with open(file, "rb") as content:
                write_whole(path, content)


def write_whole(path, content):
    """Writes a file on any of Beam's file systems, whole or not at all.

    Args:
        path: String.
        content: bytes, or a file of them.
    """
    folder, name = FileSystems.split(path)
    beside = FileSystems.join(folder, f".{name}-{uuid.uuid4().hex[:8]}.partial")
    with FileSystems.create(beside) as file:
        if isinstance(content, bytes):
            file.write(content)
        else:
            shutil.copyfileobj(content, file)
    FileSystems.rename([beside], [path])


def remove_file(path):
    """Removes a file from any of Beam's file systems."""
    if "://" in path:
        FileSystems.delete([path])
    else:
        os.remove(path)  # Beam would take the path for a pattern.
