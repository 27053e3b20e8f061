"""The file that a command writes, if it is one that it may write."""

import pathlib

from keras_explainer.command_line.command_error import UsageError


def new_file(path, force=False):
    """Returns the path of --out.

    Args:
        path: Path.
        force: Boolean. Whether a file that exists may be replaced.

    Raises:
        UsageError: If it is a folder, is in none, or exists without `force`.
    """
    path = pathlib.Path(path)
    if path.is_dir() or not path.parent.is_dir():
        reason = "a folder" if path.is_dir() else "in a folder that does not exist"
        raise UsageError(
            f"Argument --out should be a file to write. Received: {path}, {reason}"
        )
    if path.exists() and not force:
        raise UsageError(
            "Argument --out should be a new file, or come with --force to replace it. "
            f"Received: {path}, which exists"
        )
    return path
