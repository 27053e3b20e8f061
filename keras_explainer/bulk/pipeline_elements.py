"""What travels through the pipeline: whole shards.

Each element is complete by itself, so it matters neither in what order nor in what
bundles a runner hands them on, nor how often it tries.
"""

import typing


class Shard(typing.NamedTuple):
    """The sorted paths of all files of a shard."""

    shard: int
    paths: list


class ExplainedShard(typing.NamedTuple):
    """The rows of all its images as `write_rows` takes them, and its `Failed`."""

    shard: int
    rows: list
    failed: list


class Picture(typing.NamedTuple):
    """An image to be explained: the bytes of its file."""

    path: str
    content: bytes


class Failed(typing.NamedTuple):
    """An image that could not be explained, and why, in one sentence."""

    path: str
    reason: str
