"""Writing a file whole or not at all."""

import contextlib
import os
import pathlib
import uuid


@contextlib.contextmanager
def whole_file(path):
    """Gives a path beside a file, to write what takes the file's place at the end.

    If the block fails, the former file stays and nothing is left beside it.

    Args:
        path: Path of the file, in an existing folder.
    """
    path = pathlib.Path(path)
    beside = path.with_name(f".{path.stem}-{uuid.uuid4().hex[:8]}{path.suffix}")
    try:
        yield beside
        os.replace(beside, path)
    finally:
        beside.unlink(missing_ok=True)
