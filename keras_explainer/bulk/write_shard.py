"""From the explained images of a shard to its files, each whole or not at all."""

import json
import os
import shutil
import tempfile
import uuid

import apache_beam as beam
from apache_beam.io.filesystems import FileSystems

from keras_explainer.bulk.elements import Explained
from keras_explainer.bulk.elements import Failed
from keras_explainer.bulk.mask_code import encode_mask


class WriteShard(beam.DoFn):
    """Writes a shard as soon as it is whole, and yields its number.

    Args:
        folder: `BulkFolder` for the results.
        kind: "png" or "rle".
        threshold: As in `encode_mask`.
    """

    def __init__(self, folder, kind, threshold):
        self.folder = folder
        self.kind = kind
        self.threshold = threshold
        self.explained = beam.metrics.Metrics.counter("explain_bulk", "explained")
        self.failed = beam.metrics.Metrics.counter("explain_bulk", "failed")

    def start_bundle(self):
        self._rows, self._failed, self._counts = {}, {}, {}

    def process(self, element):
        shard = element.shard
        rows = self._rows.setdefault(shard, [])
        failed = self._failed.setdefault(shard, [])
        if isinstance(element, Explained):
            rows.append(self._encoded(element.row))
        elif isinstance(element, Failed):
            failed.append({"path": element.path, "reason": element.reason})
        else:
            self._counts[shard] = element.count
        if self._counts.get(shard) == len(rows) + len(failed):
            self._write(shard)
            yield shard

    def finish_bundle(self):
        # Another run of the bundle, or of the command, begins these shards again.
        if self._rows:
            raise RuntimeError(
                "The runner should keep the images of a shard together, in one "
                f"bundle. Received: parts of {len(self._rows)} shards"
            )

    def _encoded(self, row):
        masks = row["masks"]
        height, width, count = masks.shape
        codes = [
            encode_mask(masks[..., i], self.kind, self.threshold) for i in range(count)
        ]
        return {
            **row,
            "mask_format": self.kind,
            "mask_height": height,
            "mask_width": width,
            "masks": codes,
        }

    def _write(self, shard):
        from keras_explainer.bulk.shard_file import write_rows

        rows, failed = self._rows.pop(shard), self._failed.pop(shard)
        path = self.folder.failed(shard)
        if failed:
            lines = "".join(json.dumps(entry) + "\n" for entry in failed)
            write_whole(path, lines.encode())
        elif FileSystems.exists(path):
            FileSystems.delete([path])  # Of a run that got no further than this.
        # Last, since a shard with this file is finished.
        path = self.folder.masks(shard)
        with tempfile.TemporaryDirectory() as local:
            file = os.path.join(local, os.path.basename(path))
            write_rows(rows, file)
            with open(file, "rb") as content:
                write_whole(path, content)
        self.explained.inc(len(rows))
        self.failed.inc(len(failed))


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
