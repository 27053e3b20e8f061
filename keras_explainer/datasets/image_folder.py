"""Pictures from any folder, labelled by its subfolders if it has some."""

import pathlib

import numpy as np

from keras_explainer.datasets._files import FileLoader
from keras_explainer.datasets._files import check_limit
from keras_explainer.datasets._files import check_resizing
from keras_explainer.datasets._files import open_rgb
from keras_explainer.datasets._files import resize
from keras_explainer.datasets._files import shard_of
from keras_explainer.datasets._pipeline import as_size
from keras_explainer.datasets._pipeline import build_dataset
from keras_explainer.datasets._pipeline import element_spec

EXTENSIONS = (".jpg", ".jpeg", ".png", ".bmp", ".gif", ".webp")


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

    A folder without subfolders gives images without labels. Pictures are sorted by
    path and turned upright as their EXIF data says; files that are broken are named
    in a warning and left out.

    Args:
        directory: path of the folder.
        class_names: list of the subfolders to load, in the order that the labels
            shall have. Defaults to all of them, sorted.
        image_size: int or `(height, width)` in pixels. Defaults to 224.
        batch_size: int, or None for single examples. Defaults to 32.
        shuffle: bool, whether to reshuffle in each epoch. Defaults to False.
        seed: int, of shuffling and augmentation. Defaults to 0.
        preprocess_input: callable applied to the float images, such as
            `keras.applications.mobilenet.preprocess_input`. Defaults to None.
        cache: bool, whether to keep the resized images in memory as uint8.
            Defaults to False.
        limit: int, to take only the first pictures in the sorted order. Defaults to
            None.
        augment: bool, whether to mirror at random and to crop between half of the
            image and all of it. Defaults to False.
        resizing: str, how an image comes to `image_size`: "squash" changes its aspect
            ratio, "crop" keeps the middle, "pad" adds black bars. Defaults to "squash".
        shard: `(index, count)`, to load only the `index`-th of `count` parts, which
            together are everything; for several workers. Defaults to None.

    Returns:
        A `tf.data.Dataset` with attribute `class_names`, of elements
        `(image, labels)`, or `image` alone where there are no subfolders:

        - image: float32 `(H, W, 3)`, RGB in 0..255 unless preprocessed.
        - labels: float32 `(C,)`, one-hot.

    Raises:
        FileNotFoundError: if `directory` does not exist.
        ValueError: if a class has no subfolder, if there are no pictures, or if not
            one of them can be read.

    Example:

    ```python
    ds = kx.datasets.image_folder("photographs", image_size=160)
    for images in ds:
        explanation = explainer.explain(preprocess_input(images))
    ```
    """
    directory = pathlib.Path(directory)
    class_names = find_classes(directory, class_names)
    size = as_size(image_size)
    check_limit(limit)
    check_resizing(resizing)
    pictures = shard_of(list_pictures(directory, class_names)[:limit], shard)
    one_hot = np.eye(len(class_names), dtype="float32")

    def read(picture):
        path, class_index = picture
        image = resize(open_rgb(path, upright=True), size, resizing)
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


def find_classes(directory, class_names):
    """Returns the names of the subfolders that are classes, in order."""
    if not directory.is_dir():
        raise FileNotFoundError(
            "Argument `directory` must be an existing folder. "
            f"Received: directory={directory}"
        )
    folders = [path.name for path in sorted(directory.iterdir()) if path.is_dir()]
    folders = [name for name in folders if not name.startswith(".")]
    if class_names is None:
        return folders
    class_names = list(class_names)
    if not class_names or not set(class_names) <= set(folders):
        raise ValueError(
            f"Argument `class_names` must be subfolders of {directory}, which has "
            f"{folders}. Received: class_names={class_names}"
        )
    return class_names


def list_pictures(directory, class_names):
    """Returns the sorted pairs of path and class index, None without classes."""
    if class_names:
        folders = [(directory / name, i) for i, name in enumerate(class_names)]
        found = [(path, i) for folder, i in folders for path in folder.rglob("*")]
        found.sort(key=lambda pair: (pair[1], pair[0]))
    else:
        found = [(path, None) for path in sorted(directory.iterdir())]
    pictures = [
        (path, i)
        for path, i in found
        if path.suffix.lower() in EXTENSIONS and not path.name.startswith(".")
    ]
    if not pictures:
        raise ValueError(
            f"Argument `directory` must hold pictures ({', '.join(EXTENSIONS)}). "
            f"Received: directory={directory}"
        )
    return pictures
