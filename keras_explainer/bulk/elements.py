"""What travels through the pipeline from reading a shard to writing it.

A shard is read, explained and written in one go: its images follow each other, and a
`ShardEnd` follows them.
"""

import typing


class Picture(typing.NamedTuple):
    """An image to be explained: the bytes of its file."""

    shard: int
    path: str
    content: bytes


class Explained(typing.NamedTuple):
    """An image that was explained: its row, with masks as an array (h, w, k)."""

    shard: int
    row: dict


class Failed(typing.NamedTuple):
    """An image that could not be, and why, in one sentence."""

    shard: int
    path: str
    reason: str


class ShardEnd(typing.NamedTuple):
    """Says that a shard has no more than `count` images."""

    shard: int
    count: int
