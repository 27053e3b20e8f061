"""Which files of a folder are pictures."""

import collections
import os
import pathlib
import typing
import warnings

from PIL import Image

from keras_explainer.files.open_picture import open_picture

# What systems and programs leave behind, and notes beside pictures; like hidden
# files, they are passed over without a word.
_LEFT_BEHIND = {"__macosx", "thumbs.db", "ehthumbs.db", "desktop.ini"}
_NOTES = set(".csv .htm .html .json .log .md .pdf .tsv .txt .xml .yaml .yml".split())
# Formats that Pillow recognises but cannot read by itself.
_ONLY_RECOGNISED = {"BUFR", "GRIB", "HDF5", "MPEG", "WMF"}


class PictureFiles(typing.NamedTuple):
    """The files of a folder.

    Args:
        pictures: List of `pathlib.Path`, what Pillow reads.
        unread: List of `pathlib.Path`, what it does not read.
    """

    pictures: list
    unread: list


def picture_files(folder, deep=False):
    """Finds the pictures in a folder, in the order of Keras's own loader.

    Args:
        folder: Path of the folder.
        deep: Boolean. Whether to look into its subfolders too, linked ones included.

    Returns:
        `PictureFiles`. Files are sorted by their folder and then by their name, as
        text, which is the same on all systems.
    """
    found = PictureFiles([], [])
    entries = sorted(_walk(pathlib.Path(folder), deep), key=lambda entry: entry[:2])
    for _, _, path in entries:
        if _is_picture(path):
            found.pictures.append(path)
        elif path.suffix.lower() not in _NOTES:
            found.unread.append(path)
    return found


def is_ignored(name):
    """Tells files and folders that nobody means to be loaded by their name."""
    return name.startswith(".") or name.lower() in _LEFT_BEHIND


def warn_of_unread(loader, unread, count):
    """Warns once of files that Pillow does not read.

    Args:
        loader: String, the name of who leaves them out.
        unread: List of their paths.
        count: int, how many files there are with them.
    """
    if not unread:
        return
    kinds = collections.Counter(path.suffix.lower() or "no ending" for path in unread)
    counted = ", ".join(f"{kind}: {count}" for kind, count in sorted(kinds.items()))
    warnings.warn(
        f"{loader}: left out {len(unread)} of {count} files, which Pillow cannot read "
        f"({counted}), such as {unread[0]}; convert pictures among them to JPEG or PNG",
        stacklevel=3,
    )


def _walk(folder, deep):
    """Yields the folder of each file, relative and as text, its name and its path."""
    visited = set()
    for root, folders, names in os.walk(folder, followlinks=True):
        real = os.path.realpath(root)
        # A link may lead back to where it is.
        wanted = deep and real not in visited
        folders[:] = sorted(n for n in folders if wanted and not is_ignored(n))
        if real in visited:
            continue
        visited.add(real)
        root = pathlib.Path(root)
        place = root.relative_to(folder).as_posix()
        for name in names:
            if not is_ignored(name):
                yield "" if place == "." else place, name, root / name


def _is_picture(path):
    format_ = Image.registered_extensions().get(path.suffix.lower())
    if format_ in Image.OPEN:
        return format_ not in _ONLY_RECOGNISED
    if path.suffix.lower() in _NOTES:
        return False
    # Of another ending, or none: what it is, its first bytes tell.
    try:
        with open_picture(path) as image:
            return image.format not in _ONLY_RECOGNISED
    # Broken bytes make decoders raise nearly anything.
    except Exception:
        return False
