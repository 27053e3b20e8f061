"""COCO, and data in its format, from the folders in which it is distributed."""

import pathlib
import re

import numpy as np
from PIL import Image

from keras_explainer.datasets.build_dataset import build_dataset
from keras_explainer.datasets.build_dataset import element_spec
from keras_explainer.datasets.coco_file import read_instances
from keras_explainer.datasets.coco_segmentation import class_mask
from keras_explainer.datasets.dataset_arguments import as_size
from keras_explainer.datasets.dataset_arguments import check_classes
from keras_explainer.datasets.dataset_arguments import check_limit
from keras_explainer.datasets.dataset_arguments import shard_of
from keras_explainer.datasets.file_loader import FileLoader
from keras_explainer.datasets.remarks import Remarks
from keras_explainer.files.read_picture import errors_naming
from keras_explainer.files.read_picture import read_picture
from keras_explainer.files.resize_picture import check_resizing
from keras_explainer.files.resize_picture import resize_mask
from keras_explainer.files.resize_picture import resize_picture

COCO_CATEGORIES = {
    1: "person",
    2: "bicycle",
    3: "car",
    4: "motorcycle",
    5: "airplane",
    6: "bus",
    7: "train",
    8: "truck",
    9: "boat",
    10: "traffic light",
    11: "fire hydrant",
    13: "stop sign",
    14: "parking meter",
    15: "bench",
    16: "bird",
    17: "cat",
    18: "dog",
    19: "horse",
    20: "sheep",
    21: "cow",
    22: "elephant",
    23: "bear",
    24: "zebra",
    25: "giraffe",
    27: "backpack",
    28: "umbrella",
    31: "handbag",
    32: "tie",
    33: "suitcase",
    34: "frisbee",
    35: "skis",
    36: "snowboard",
    37: "sports ball",
    38: "kite",
    39: "baseball bat",
    40: "baseball glove",
    41: "skateboard",
    42: "surfboard",
    43: "tennis racket",
    44: "bottle",
    46: "wine glass",
    47: "cup",
    48: "fork",
    49: "knife",
    50: "spoon",
    51: "bowl",
    52: "banana",
    53: "apple",
    54: "sandwich",
    55: "orange",
    56: "broccoli",
    57: "carrot",
    58: "hot dog",
    59: "pizza",
    60: "donut",
    61: "cake",
    62: "chair",
    63: "couch",
    64: "potted plant",
    65: "bed",
    67: "dining table",
    70: "toilet",
    72: "tv",
    73: "laptop",
    74: "mouse",
    75: "remote",
    76: "keyboard",
    77: "cell phone",
    78: "microwave",
    79: "oven",
    80: "toaster",
    81: "sink",
    82: "refrigerator",
    84: "book",
    85: "clock",
    86: "vase",
    87: "scissors",
    88: "teddy bear",
    89: "hair drier",
    90: "toothbrush",
}
COCO_CLASSES = list(COCO_CATEGORIES.values())


def coco(
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
    """Loads images, image-level labels and segmentation masks of COCO.

    Reads `annotations/instances_<split><year>.json` and the images of the folder
    `<split><year>`. Labels are the classes of an image's annotations, crowds
    included; an image without annotations has no label. Images that are broken or
    missing are named in a warning and left out; what is wrong in the annotations is
    counted in a warning each, and left out.

    Args:
        root: Path of the folder that holds `annotations`.
        split: String, such as `"train"` or `"val"`. Defaults to `"train"`.
        year: int or string, such as 2014. Defaults to the newest one of the split.
        classes: List of class names in the order that the labels and masks shall
            have; other objects count as background. Defaults to all that the
            annotations list, by rising category id: for COCO `COCO_CLASSES`.
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
        limit: int, to take only the first images of the split. Defaults to None.
        augment: Boolean. Whether to mirror at random and to crop between half of the
            image and all of it, image and mask alike. The labels stay as they are.
            Defaults to False.
        resizing: String, how an image gets to `image_size`: "squash" changes its aspect
            ratio, "crop" keeps the middle, "pad" adds black bars, which are void in
            the mask. Defaults to "squash".
        shard: `(index, count)`, to load only the `index`-th of `count` parts, which
            together are everything; for several workers. Defaults to None.

    Returns:
        A `tf.data.Dataset` with attributes `class_names` and `category_ids` (the
        original id of each class), of elements `(image, labels)` or
        `(image, labels, mask)`:

        - image: float32 `(H, W, 3)`, RGB in 0..255 unless preprocessed.
        - labels: float32 `(C,)`, 1 for each class that is present.
        - mask: uint8 `(H, W)`, 0 for background, `i + 1` for class index `i`, 255
          for crowds. Where objects overlap, the smaller one is seen.

    Raises:
        FileNotFoundError: If `root` holds no COCO data.
        ValueError: If there is no such `year`, `split` or class, if the annotations
            cannot be read, or if not one of the images can.

    Example:

    ```python
    val = kx.datasets.coco("coco", "val", year=2014, masks=True)
    results = kx.evaluation.evaluate_methods(explainer, val)
    ```

    Reference:
        Lin et al., "Microsoft COCO: Common Objects in Context", ECCV 2014.
    """
    file = find_instances(pathlib.Path(root), split, year)
    folder = image_folder_of(file)
    size = as_size(image_size)
    check_limit(limit)
    check_resizing(resizing)
    remarks = Remarks("coco")
    instances = read_instances(file, remarks)
    remarks.warn()
    class_names, numbers = _numbered(classes, instances.categories, masks)
    listed = shard_of(list(instances.images)[:limit], shard)

    def read(number):
        image = open_instances_image(folder, instances.images[number])
        annotations = instances.annotations.get(number, [])
        labels = np.zeros(len(class_names) + 1, "float32")
        labels[[numbers[a["category_id"]] for a in annotations]] = 1
        example = resize_picture(image, size, resizing), labels[1:]
        if masks:
            with errors_naming(folder / instances.images[number]["file_name"]):
                mask = class_mask(annotations, numbers, image.height, image.width)
            example += (resize_mask(Image.fromarray(mask), size, resizing),)
        return example

    loader = FileLoader("coco", listed, read, cache)
    if shuffle is None:
        shuffle = split.startswith("train")
    ds = build_dataset(
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
    ids = {name: number for number, name in instances.categories.items()}
    ds.category_ids = [ids[name] for name in class_names]
    return ds


def _numbered(classes, categories, masks):
    """Returns the names of the classes, and the number in masks of each category."""
    class_names = check_classes(classes, categories.values())
    if masks and len(class_names) > 254:
        raise ValueError(
            "Argument `classes` should hold at most 254 names for masks of 8 bits. "
            f"Received: {len(class_names)} names"
        )
    numbers = {
        number: class_names.index(name) + 1 if name in class_names else 0
        for number, name in categories.items()
    }
    return class_names, numbers


def find_instances(root, split, year):
    """Returns the path of the instances file of a split."""
    folder = root / "annotations"
    pattern = re.compile(r"instances_(.+?)(\d*)\.json")
    files = sorted(folder.glob("instances_*.json")) if folder.is_dir() else []
    found = {pattern.fullmatch(f.name).groups(): f for f in files}
    if not found:
        raise FileNotFoundError(
            "Argument `root` should be a folder with "
            "annotations/instances_<split><year>.json inside. "
            f"Received: root={root}"
        )
    splits = sorted({key[0] for key in found})
    if split not in splits:
        raise ValueError(
            f"Argument `split` should be one of {splits}, which are in {folder}. "
            f"Received: split={split!r}"
        )
    years = sorted(key[1] for key in found if key[0] == split)
    if year is not None and str(year) not in years:
        raise ValueError(
            f"Argument `year` should be one of {years}, which {folder} has for "
            f"{split}. Received: year={year}"
        )
    return found[split, years[-1] if year is None else str(year)]


def image_folder_of(file):
    """Returns the folder with the images of an instances file."""
    root, name = file.parents[1], file.stem.removeprefix("instances_")
    places = root / name, root / "images" / name, root / "images"
    folder = next((place for place in places if place.is_dir()), None)
    if folder is None:
        raise FileNotFoundError(
            f"Argument `root` should have the images of {file.name} in the folder "
            f"{name}, images/{name} or images. Received: root={root}"
        )
    return folder


def open_instances_image(folder, entry):
    """Reads an image that an instances file lists, as a `PIL.Image`."""
    path = folder / entry["file_name"]
    image = read_picture(path)
    with errors_naming(path):
        listed = entry["width"], entry["height"]
        if image.size != listed:
            raise ValueError(f"size {image.size}, but the annotations have {listed}")
    return image
