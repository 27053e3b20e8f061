"""The folder of a bulk run: what is where, and what is there already."""

import hashlib
import json
import re

from apache_beam.io.filesystem import BeamIOError
from apache_beam.io.filesystem import CompressionTypes
from apache_beam.io.filesystems import FileSystems

from keras_explainer.bulk.write_shard import remove_file
from keras_explainer.bulk.write_shard import write_whole


class BulkFolder:
    """Names the files of a bulk run, on any of Beam's file systems.

    An image belongs to the shard that the hash of its file's name says, in every run;
    a shard whose masks are there is finished.

    Args:
        path: String.
        shards: int.
        format: "tfrecord" or "parquet".
    """

    def __init__(self, path, shards, format):
        self.path = path
        self.shards = shards
        self.format = format

    def file(self, name):
        return FileSystems.join(self.path, name)

    def masks(self, shard):
        """Returns the path of the explained images of a shard."""
        return self.file(f"masks-{shard:05d}-of-{self.shards:05d}.{self.format}")

    def failed(self, shard):
        """Returns the path of the JSON lines about images that failed."""
        return self.file(f"failed-{shard:05d}-of-{self.shards:05d}.jsonl")

    def shard_of(self, path):
        """Returns the shard of an image's file."""
        name = path.encode("utf-8", "surrogateescape")
        digest = hashlib.blake2b(name, digest_size=8).digest()
        return int.from_bytes(digest, "big") % self.shards

    def finished(self):
        """Returns the set of paths of finished shards."""
        return set(
            paths_inside(self.path, f"masks-*-of-{self.shards:05d}.{self.format}")
        )

    def remove_partial(self):
        """Removes what a killed run was writing."""
        for path in paths_inside(self.path, ".*.partial"):
            remove_file(path)


def paths_inside(folder, pattern):
    """Returns the paths of the files in a folder whose names match a pattern."""
    # Beam's patterns have no way to say that the name of a folder has brackets.
    plain = re.sub(r"[*?\[\]]", "?", folder)
    found = matching_paths(FileSystems.join(plain, pattern))
    return [path for path in found if path.startswith(folder)]


def matching_paths(pattern):
    """Returns the paths of files that match a pattern, sorted."""
    try:
        found = FileSystems.match([pattern])[0].metadata_list
    except BeamIOError:  # No such folder.
        return []
    return sorted(entry.path for entry in found)


def read_json_lines(path):
    """Returns a list of JSON values, one a line; or None if there is no such file."""
    if not FileSystems.exists(path):
        return None
    with FileSystems.open(path, compression_type=CompressionTypes.UNCOMPRESSED) as file:
        return [json.loads(line) for line in file.read().splitlines()]


def write_json_lines(path, values):
    write_whole(path, "".join(json.dumps(v) + "\n" for v in values).encode())
