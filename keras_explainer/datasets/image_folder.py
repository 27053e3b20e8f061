"""Pictures from any folder, labelled by its subfolders if it has some."""

import pathlib
import typing
import unicodedata

import numpy as np

from keras_explainer.datasets.build_dataset import build_dataset
from keras_explainer.datasets.build_dataset import element_spec
from keras_explainer.datasets.dataset_arguments import as_size
from keras_explainer.datasets.dataset_arguments import check_limit
from keras_explainer.datasets.dataset_arguments import shard_of
from keras_explainer.datasets.file_loader import FileLoader
from keras_explainer.files.picture_files import is_ignored
from keras_explainer.files.picture_files import picture_files
from keras_explainer.files.picture_files import warn_of_unread
from keras_explainer.files.read_picture import read_picture
from keras_explainer.files.resize_picture import check_resizing
from keras_explainer.files.resize_picture import resize_picture
from keras_explainer.inputs.check_class_names import check_class_names


def image_folder(
    directory,
    *,
    class_names=None,
    image_size=224,
    batch_size=32,
    shuffle=False,
    seed=0,
    preprocess_input=None,
    cache=False,
    limit=None,
    augment=False,
    resizing="squash",
    shard=None,
):
    """Loads the pictures in a folder, with its subfolders as their classes.

    A folder of pictures gives images without labels; one with a subfolder for each
    class gives the class of each picture, those in deeper folders included. All
    files that Pillow reads are pictures, such as JPEG, PNG, GIF, BMP, TIFF, WebP and
    AVIF; they have the order of `keras.utils.image_dataset_from_directory` and are
    turned upright as their EXIF data says. Files that Pillow cannot read are counted
    in a warning and left out; those that are broken are named too. Hidden files and
    notes such as `.txt` and `.csv` are passed over.

    Args:
        directory: Path of the folder.
        class_names: List of the subfolders to load, in the order that the labels
            shall have; or `class_indices` of Keras, a dict from name to index. An
            empty list leaves all subfolders out. Defaults to all of them, sorted.
        image_size: int or `(height, width)` in pixels. Defaults to 224.
        batch_size: int, or None for single examples. Defaults to 32.
        shuffle: Boolean. Whether to reshuffle in each epoch. Defaults to False.
        seed: int, of shuffling and augmentation. Defaults to 0.
        preprocess_input: Function applied to the float images, such as
            `keras.applications.mobilenet.preprocess_input`. Defaults to None.
        cache: Boolean. Whether to keep the resized images in memory as uint8.
            Defaults to False.
        limit: int, to take only the first pictures in the sorted order. Defaults to
            None.
        augment: Boolean. Whether to mirror at random and to crop between half of the
            image and all of it. Defaults to False.
        resizing: String, how an image gets to `image_size`: "squash" changes its aspect
            ratio, "crop" keeps the middle, "pad" adds black bars. Defaults to "squash".
        shard: `(index, count)`, to load only the `index`-th of `count` parts, which
            together are everything; for several workers. Defaults to None.

    Returns:
        A `tf.data.Dataset` with attribute `class_names`, of elements
        `(image, labels)`, or `image` alone where there are no classes:

        - image: float32 `(H, W, 3)`, RGB in 0..255 unless preprocessed.
        - labels: float32 `(C,)`, one-hot.

    Raises:
        FileNotFoundError: If `directory` does not exist.
        ValueError: If a class has no subfolder, or a subfolder no pictures; if there
            are pictures beside subfolders with pictures, of which some would be
            lost; if there are none at all, or if not one of them can be read.

    Example:

    ```python
    ds = kx.datasets.image_folder("photographs", image_size=160)
    for images in ds:
        explanation = explainer.explain(preprocess_input(images))
    ```
    """
    size = as_size(image_size)
    check_limit(limit)
    check_resizing(resizing)
    class_names, pictures, unread = list_folder(directory, class_names)
    warn_of_unread("image_folder", unread, len(unread) + len(pictures))
    pictures = shard_of(pictures[:limit], shard)
    one_hot = np.eye(len(class_names), dtype="float32")

    def read(picture):
        path, class_index = picture
        image = resize_picture(read_picture(path, upright=True), size, resizing)
        return (image, one_hot[class_index]) if class_names else (image,)

    loader = FileLoader("image_folder", pictures, read, cache)
    return build_dataset(
        loader.indices(),
        loader,
        element_spec(size, class_names, labels=bool(class_names)),
        class_names=class_names,
        batch_size=batch_size,
        preprocess_input=preprocess_input,
        may_skip=True,
        reorder=shuffle,
        augment=augment,
        seed=seed,
    )


class FolderListing(typing.NamedTuple):
    """What `list_folder` returns.

    Args:
        class_names: List of strings, the subfolders that are classes, in order.
        pictures: List of pairs of a path and its class index, None without classes.
        unread: List of paths of the files that Pillow does not read.
    """

    class_names: list
    pictures: list
    unread: list


def list_folder(directory, class_names=None):
    """Finds the pictures in a folder and the classes that its subfolders are.

    Args:
        directory: Path of the folder.
        class_names: as for `image_folder`.

    Returns:
        `FolderListing`.

    Raises:
        FileNotFoundError, ValueError: As `image_folder`.
    """
    directory = pathlib.Path(directory)
    if not directory.is_dir():
        raise FileNotFoundError(
            "Argument `directory` should be an existing folder. "
            f"Received: directory={directory}"
        )
    if class_names is not None:
        class_names = check_class_names(class_names)
    chosen = _chosen_subfolders(directory, class_names)
    inside = {name: picture_files(path, deep=True) for name, path in chosen.items()}
    beside = picture_files(directory)
    unread = [path for files in (beside, *inside.values()) for path in files.unread]
    full = [name for name, files in inside.items() if files.pictures]
    if class_names is None and beside.pictures and full:
        raise ValueError(
            "Argument `directory` should hold either pictures or a subfolder of them "
            "for each class, or `class_names` say which subfolders to load. "
            f"Received: {directory}, with {len(beside.pictures)} pictures such as "
            f"{beside.pictures[0].name} beside the subfolders {full}"
        )
    if beside.pictures and not full and not class_names:
        return FolderListing([], [(path, None) for path in beside.pictures], unread)
    if not full and not class_names:
        inside = f", which holds {len(unread)} files that Pillow cannot read"
        raise ValueError(
            "Argument `directory` should hold pictures that Pillow reads, or "
            "subfolders of them. "
            f"Received: directory={directory}{inside if unread else ''}"
        )
    empty = [name for name in inside if name not in full]
    if empty:
        raise ValueError(
            "Argument `directory` should have at least one picture for each class, or "
            "`class_names` leave out the others. Received: no picture that Pillow "
            f"reads in {', '.join(str(chosen[name]) for name in empty)}"
        )
    pictures = [
        (path, index)
        for index, name in enumerate(inside)
        for path in inside[name].pictures
    ]
    return FolderListing(list(inside), pictures, unread)


def _chosen_subfolders(directory, class_names):
    """Returns a dict from the names of classes to the paths of their subfolders."""
    found = {}
    # Sorted as text: paths of Windows would be sorted without regard to case.
    for path in sorted(directory.iterdir(), key=lambda path: path.name):
        if path.is_dir() and not is_ignored(path.name):
            # Systems write an accent with its letter or behind it.
            found[unicodedata.normalize("NFC", path.name)] = path
    if class_names is None:
        return found
    if not set(class_names) <= set(found):
        raise ValueError(
            f"Argument `class_names` should be subfolders of {directory}, which has "
            f"{list(found)}. Received: class_names={class_names}"
        )
    if len(set(class_names)) < len(class_names):
        raise ValueError(
            "Argument `class_names` should hold no name twice. "
            f"Received: class_names={class_names}"
        )
    return {name: found[name] for name in class_names}
