"""Writing a folder whole or not at all."""

import contextlib
import os
import re
import shutil
import uuid

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None

# Held by the process that writes the folder, as long as it lives.
_LOCK = ".writing"


@contextlib.contextmanager
def atomic_folder(path):
    """Gives a folder beside a new one, which gets the name of the new one at the end.

    If the block fails, nothing is left of it; if the process is killed, the next one
    that writes a folder of this name removes what is left.

    Args:
        path: `pathlib.Path` of a folder that does not exist.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    _remove_abandoned(path)
    temporary = path.with_name(f".{path.name}-{uuid.uuid4().hex[:8]}")
    temporary.mkdir()
    try:
        with open(temporary / f"{_LOCK}_soon", "w") as lock:
            _try_lock(lock)
            # No other process has seen it before it was locked.
            os.rename(lock.name, temporary / _LOCK)
            yield temporary
        (temporary / _LOCK).unlink()
        os.rename(temporary, path)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def _remove_abandoned(path):
    """Removes the folders of processes that are dead."""
    for folder in path.parent.iterdir():
        named = re.fullmatch(rf"\.{re.escape(path.name)}-[0-9a-f]{{8}}", folder.name)
        if not named or fcntl is None:
            continue
        # Without this file, somebody else has made the folder.
        with contextlib.suppress(OSError), open(folder / _LOCK) as lock:
            if _try_lock(lock):
                shutil.rmtree(folder, ignore_errors=True)


def _try_lock(lock):
    """Locks a file; returns whether no other process has it."""
    if fcntl is None:
        return True
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True
