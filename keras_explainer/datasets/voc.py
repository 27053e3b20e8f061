"""PASCAL VOC, from the folder layout in which it is distributed."""

import collections
import pathlib
from xml.etree import ElementTree

import numpy as np
from PIL import Image

from keras_explainer.datasets.build_dataset import build_dataset
from keras_explainer.datasets.build_dataset import element_spec
from keras_explainer.datasets.dataset_arguments import as_size
from keras_explainer.datasets.dataset_arguments import check_classes
from keras_explainer.datasets.dataset_arguments import check_limit
from keras_explainer.datasets.dataset_arguments import shard_of
from keras_explainer.datasets.file_loader import FileLoader
from keras_explainer.datasets.remarks import Remarks
from keras_explainer.files.open_picture import open_picture
from keras_explainer.files.read_picture import errors_naming
from keras_explainer.files.read_picture import read_picture
from keras_explainer.files.resize_picture import check_resizing
from keras_explainer.files.resize_picture import resize_mask
from keras_explainer.files.resize_picture import resize_picture
from keras_explainer.void import VOID

VOC_CLASSES = [
    "aeroplane",
    "bicycle",
    "bird",
    "boat",
    "bottle",
    "bus",
    "car",
    "cat",
    "chair",
    "cow",
    "diningtable",
    "dog",
    "horse",
    "motorbike",
    "person",
    "pottedplant",
    "sheep",
    "sofa",
    "train",
    "tvmonitor",
]


def voc(
    root,
    split="train",
    *,
    year=None,
    classes=None,
    image_size=224,
    batch_size=32,
    masks=False,
    shuffle=None,
    seed=0,
    preprocess_input=None,
    cache=False,
    limit=None,
    augment=False,
    resizing="squash",
    shard=None,
):
    """Loads images, image-level labels and segmentation masks of PASCAL VOC.

    Reads `JPEGImages`, `SegmentationClass`, `Annotations` and `ImageSets` of an
    unpacked VOCdevkit. The labels are the objects of the annotation (those marked
    difficult too) or, where there is no annotation, the classes in the mask. Files
    that are broken or missing are named in a warning and left out; annotations
    without objects, objects and mask values of no known class, and names listed
    twice are counted in a warning each.

    Args:
        root: Path of `VOCdevkit`, or of a folder such as `VOC2012` inside it.
        split: String, the name of a list in `ImageSets/Segmentation` or, if it is not
            there, in `ImageSets/Main`; with the folder, as in `"Main/train"`, from
            that one. Defaults to `"train"`.
        year: int or string, which `VOC<year>` of a devkit to take. Defaults to the
            newest one.
        classes: List of names out of `VOC_CLASSES`, in the order that the labels
            and masks shall have; other objects count as background. Defaults to
            all 20.
        image_size: int or `(height, width)` in pixels. Defaults to 224.
        batch_size: int, or None for single examples. Defaults to 32.
        masks: Boolean. Whether to add the mask to each element. Defaults to False.
        shuffle: Boolean. Whether to reshuffle in each epoch. Defaults to True for
            splits whose name begins with "train", else False.
        seed: int, of shuffling and augmentation. Defaults to 0.
        preprocess_input: Function applied to the float images, such as
            `keras.applications.mobilenet.preprocess_input`. Defaults to None.
        cache: Boolean. Whether to keep the resized examples in memory as uint8.
            Defaults to False.
        limit: int, to take only the first examples of the split. Defaults to None.
        augment: Boolean. Whether to mirror at random and to crop between half of the
            image and all of it, image and mask alike. The labels stay as they are.
            Defaults to False.
        resizing: String, how an image gets to `image_size`: "squash" changes its aspect
            ratio, "crop" keeps the middle, "pad" adds black bars, which are void in
            the mask. Defaults to "squash".
        shard: `(index, count)`, to load only the `index`-th of `count` parts, which
            together are everything; for several workers. Defaults to None.

    Returns:
        A `tf.data.Dataset` with attribute `class_names`, of elements
        `(image, labels)` or `(image, labels, mask)`:

        - image: float32 `(H, W, 3)`, RGB in 0..255 unless preprocessed.
        - labels: float32 `(C,)`, 1 for each class that is present.
        - mask: uint8 `(H, W)`, 0 for background, `i + 1` for class index `i`, 255
          for void.

    Raises:
        FileNotFoundError: If `root` holds no VOC data.
        ValueError: If there is no such `year`, `split` or class, if the split is
            empty, or if not one of its examples can be read.

    Example:

    ```python
    train = kx.datasets.voc("VOCdevkit", classes=["cat", "dog"], augment=True)
    classifier.fit(train, epochs=10)
    ```
    """
    folder = find_folder(pathlib.Path(root), year)
    class_names = check_classes(classes, VOC_CLASSES)
    size = as_size(image_size)
    check_limit(limit)
    check_resizing(resizing)
    remarks = Remarks("voc")
    names = shard_of(read_split(folder, split, remarks)[:limit], shard)
    renumber = np.zeros(256, "uint8")
    renumber[VOID] = VOID
    for index, name in enumerate(class_names):
        renumber[VOC_CLASSES.index(name) + 1] = index + 1

    def read(name):
        image, present, mask = open_example(folder, name, masks, remarks)
        labels = np.array([name in present for name in class_names], "float32")
        example = resize_picture(image, size, resizing), labels
        if masks:
            example += (renumber[resize_mask(mask, size, resizing)],)
        return example

    loader = FileLoader("voc", names, read, cache, remarks)
    if shuffle is None:
        shuffle = pathlib.PurePath(split).name.startswith("train")
    return build_dataset(
        loader.indices(),
        loader,
        element_spec(size, class_names, masks=masks),
        class_names=class_names,
        batch_size=batch_size,
        preprocess_input=preprocess_input,
        may_skip=True,
        reorder=shuffle,
        augment=augment,
        seed=seed,
    )


def find_folder(root, year):
    """Returns the `VOC<year>` folder that `root` is or contains."""
    if _is_voc(root):
        found = {root.name.removeprefix("VOC"): root}
    else:
        folders = sorted(root.glob("VOC*")) if root.is_dir() else []
        found = {f.name.removeprefix("VOC"): f for f in folders if _is_voc(f)}
    if not found:
        raise FileNotFoundError(
            "Argument `root` should be a VOCdevkit folder, or a VOC<year> folder in "
            f"it, with JPEGImages and ImageSets inside. Received: root={root}"
        )
    if year is None:
        return found[max(found)]
    if str(year) not in found:
        raise ValueError(
            f"Argument `year` should be one of {sorted(found)}, which are in {root}. "
            f"Received: year={year}"
        )
    return found[str(year)]


def _is_voc(folder):
    return (folder / "JPEGImages").is_dir() and (folder / "ImageSets").is_dir()


def read_split(folder, split, remarks=None):
    """Returns the names of the examples that a split lists, each once."""
    sets = folder / "ImageSets"
    files = [sets / kind / f"{split}.txt" for kind in ("Segmentation", "Main", ".")]
    file = next((file for file in files if file.is_file()), None)
    if file is None:
        known = {f.stem for file in files[:2] for f in file.parent.glob("*.txt")}
        raise ValueError(
            f"Argument `split` should be one of {sorted(known)}, which are in {sets}. "
            f"Received: split={split!r}"
        )
    names = [line.split()[0] for line in file.read_text().splitlines() if line.strip()]
    if not names:
        raise ValueError(
            f"Argument `split` should name a list that is not empty, unlike {file}. "
            f"Received: split={split!r}"
        )
    if remarks:
        for name, count in collections.Counter(names).items():
            if count > 1:
                remarks.add("names listed more than once", name)
    return list(dict.fromkeys(names))


def open_example(folder, name, with_mask, remarks=None):
    """Reads an image, the class names of its objects, and its mask or None."""
    image, mask = read_picture(folder / "JPEGImages" / f"{name}.jpg"), None
    annotation = folder / "Annotations" / f"{name}.xml"
    if with_mask or not annotation.is_file():
        mask = open_mask(folder / "SegmentationClass" / f"{name}.png", image.size)
    if annotation.is_file():
        return image, _read_annotation(annotation, remarks), mask
    return image, _classes_in(mask, name, remarks), mask


def open_mask(path, image_size):
    """Reads the class numbers of a palette PNG as a `PIL.Image`."""
    with errors_naming(path), open_picture(path) as mask:
        if mask.mode not in ("P", "L"):
            raise ValueError(f"a mask must have a palette, not mode {mask.mode}")
        if mask.size != image_size:
            raise ValueError(f"size {mask.size}, but the image has {image_size}")
        return Image.fromarray(np.asarray(mask))


def _read_annotation(path, remarks=None):
    """Returns the class names of the objects in an annotation file."""
    with errors_naming(path):
        nodes = ElementTree.parse(path).iterfind("object/name")
        names = {node.text.strip() for node in nodes}
    if remarks:
        if not names:
            remarks.add("annotations without objects", path)
        for name in sorted(names.difference(VOC_CLASSES)):
            remarks.add("objects of no known class", f"{name!r} in {path}")
    return names


def _classes_in(mask, name, remarks):
    """Returns the class names in a mask, a `PIL.Image`."""
    counts = mask.histogram()
    if remarks and any(counts[len(VOC_CLASSES) + 1 : VOID]):
        remarks.add("masks with values of no known class", name)
    return [name for name, count in zip(VOC_CLASSES, counts[1:]) if count]
