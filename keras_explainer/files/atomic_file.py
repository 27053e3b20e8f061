"""Writing a file whole or not at all."""

import contextlib
import os
import pathlib
import re
import uuid

_TEMPORARY = re.compile(r"\.(.+)-[0-9a-f]{8}(\.[^.]+)?", re.DOTALL)


@contextlib.contextmanager
def atomic_file(path):
    """Gives a path beside a file, to write what takes the file's place at the end.

    If the block fails, the former file stays and nothing is left beside it.

    Args:
        path: Path of the file, in an existing folder.
    """
    path = pathlib.Path(path)
    temporary = path.with_name(f".{path.stem}-{uuid.uuid4().hex[:8]}{path.suffix}")
    try:
        yield temporary
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def final_path(path):
    """Returns the file that a killed process was writing beside it, or the path itself.

    Example:

    >>> final_path(pathlib.Path("runs/.table-0123abcd.csv")).name
    'table.csv'
    """
    path = pathlib.Path(path)
    # More than once where a writer of whole files was given such a path.
    while match := _TEMPORARY.fullmatch(path.name):
        path = path.with_name(match[1] + (match[2] or ""))
    return path
