"""Loading examples from files, and living with those that are broken."""

import functools
import threading
import warnings

import tensorflow as tf

from keras_explainer.files.read_picture import BadFileError


class FileLoader:
    """Loads example `i` of a list, or None if its files cannot be read.

    Each bad file is named once in a warning; when all examples have been visited,
    another warning says how many were skipped, and the remarks are told.

    Args:
        name: String, the name of the public loader, for messages.
        items: List of what `read` takes, not empty.
        read: Function of an item that returns a tuple of arrays, or raises
            `BadFileError`.
        cache: Boolean. Whether to keep the arrays in memory.
        remarks: `Remarks` that `read` adds to, or None.
    """

    def __init__(self, name, items, read, cache, remarks=None):
        self.name = name
        self.remarks = remarks
        self.items = items
        self.read = functools.cache(read) if cache else read
        self.visited = set()
        self.bad = set()
        self.lock = threading.Lock()
        if all(self(index) is None for index in range(len(items))):
            raise ValueError(
                f"`{name}` needs at least one file that can be read; the warnings "
                f"above name what is wrong. Received: {len(items)} bad files"
            )

    def __call__(self, index):
        if index in self.bad:
            return None
        try:
            example = self.read(self.items[index])
        except BadFileError as error:
            example = None
            warnings.warn(f"{self.name}: skipped {error}", stacklevel=2)
        self.visit(index, example is None)
        return example

    def visit(self, index, is_bad):
        with self.lock:  # examples are loaded in parallel
            if index in self.visited:
                return
            self.visited.add(index)
            if is_bad:
                self.bad.add(index)
            if len(self.visited) < len(self.items):
                return
            if self.remarks:
                self.remarks.warn()
            if self.bad:
                warnings.warn(
                    f"{self.name}: skipped {len(self.bad)} of {len(self.items)} files",
                    stacklevel=3,
                )

    def indices(self):
        """All indices as a dataset."""
        return tf.data.Dataset.range(len(self.items))
