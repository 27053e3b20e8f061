"""Writing a file of text whole or not at all."""

import os
import pathlib


def write_text(path, text):
    """Writes a text file in UTF-8, whole or not at all.

    Args:
        path: Path of the file, in an existing folder.
        text: String.
    """
    path = pathlib.Path(path)
    beside = path.with_name(f".{path.name}.partial")
    try:
        beside.write_text(text, encoding="utf-8")
        os.replace(beside, path)
    finally:
        beside.unlink(missing_ok=True)
