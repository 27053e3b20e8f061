"""The data that `train` learns from."""

import math
import pathlib
import typing

from keras_explainer import datasets
from keras_explainer.command_line.command_error import UsageError
from keras_explainer.datasets.image_folder import list_folder
from keras_explainer.datasets.shapes import SHAPES_CLASSES
from keras_explainer.datasets.voc import VOC_CLASSES
from keras_explainer.datasets.voc import find_folder
from keras_explainer.datasets.voc import read_split
from keras_explainer.files.picture_files import is_ignored
from keras_explainer.files.picture_files import picture_files
from keras_explainer.inputs.check_class_names import check_same_order
from keras_explainer.loading.coco_data import coco_instances
from keras_explainer.loading.coco_data import has_instances
from keras_explainer.loading.tfds_data import load_tfds
from keras_explainer.loading.tfds_data import tfds_builder
from keras_explainer.loading.tfds_data import tfds_classes
from keras_explainer.loading.tfds_data import usual_split

_SHAPES_IMAGES = 2048
_SHAPES_VALIDATION = 256
_OTHER_SEED = 5_000_000
# Subfolders that are parts of the data and no classes.
_SPLITS = {"train", "training", "val", "valid", "validation", "test", "testing"}


class TrainingData(typing.NamedTuple):
    """What `load_training_data` returns.

    Args:
        train: `tf.data.Dataset` of (images, labels), or of images without labels.
        validation: The same, or None.
        count: int. Images for training, broken ones included.
        steps: int. Batches of an epoch.
        targets: String that says what is explained.
        epoch: The `Epoch` that the order of the training images depends on.
    """

    train: typing.Any
    validation: typing.Any
    count: typing.Any
    steps: typing.Any
    targets: typing.Any
    epoch: typing.Any


def data_classes(args):
    """Returns the classes of the labels in order; an empty list if it is unknown.

    The subfolders of a folder are no such list by themselves: nothing says that the
    classifier has its classes in their order.
    """
    if args.classes:
        return args.classes
    if args.dataset.startswith("tfds:"):
        return tfds_classes(args)
    known = {"shapes": SHAPES_CLASSES, "voc": VOC_CLASSES, "folder": []}
    if args.dataset == "coco":
        return list(
            coco_instances(args.data, args.split or "train").categories.values()
        )
    return known[args.dataset]


def load_training_data(args, explainer):
    """Loads the images that the arguments of `train` ask for.

    Args:
        args: Namespace with `dataset`, `data`, `split`, `validation_split`,
            `classes`, `batch_size`, `limit`, `augment` and `image_size`.
        explainer: The explainer to be trained, which knows size and preprocessing.

    Returns:
        A `TrainingData`.
    """
    options = loading_options(args, explainer)
    read = {
        "shapes": _shapes,
        "voc": _voc,
        "coco": _coco,
        "folder": _folder,
        "tfds": _tfds,
    }[args.dataset.partition(":")[0]]
    train, validation, count = read(args, options)
    epoch = train.epoch
    targets = _targets(args, explainer.frozen.num_classes)
    if targets == "labels":
        check_order(args, data_classes(args), explainer)
    else:
        train, validation = _without_labels(train), _without_labels(validation)
    steps = math.ceil(count / args.batch_size)
    return TrainingData(train, validation, count, steps, targets, epoch)


def check_order(args, classes, explainer):
    """Refuses labels in another order than the names that the explainer has.

    Args:
        args: Namespace with `classes` and `dataset`.
        classes: List of the names of the labels in their order.
        explainer: The explainer, whose names may be unknown.

    Raises:
        UsageError: If a class has another index in one list than in the other, or
            the dataset has none of the explainer's classes.
    """
    names = explainer.class_names
    if not names:
        return
    if not args.classes and not set(classes) & set(names):
        raise UsageError(
            f"Argument --classes should say which class of {args.dataset} is which of "
            f"the explainer's, {', '.join(names[:3])} and so on. Received: nothing"
        )
    try:
        check_same_order(classes, names, "Argument --classes")
    except ValueError as error:
        raise UsageError(str(error)) from error


def loading_options(args, explainer):
    """Returns how datasets should load images for an explainer.

    Args:
        args: Namespace with `image_size` and `batch_size`.
        explainer: The explainer, which knows size and preprocessing.

    Raises:
        UsageError: If another size is asked for than the classifier takes.
    """
    preprocessing = explainer.preprocessing
    is_plain = preprocessing.name == "identity" and explainer.input_shape[-1] == 3
    return {
        "image_size": _image_size(args.image_size, explainer),
        "batch_size": args.batch_size,
        "preprocess_input": None if is_plain else preprocessing,
    }


def _image_size(asked, explainer):
    """Returns the height and width of the images that an explainer takes.

    Raises:
        UsageError: If another size is asked for.
    """
    fixed = explainer.input_shape[1:3]
    if None in fixed:
        return (asked, asked) if asked else explainer.frozen.image_shape[:2]
    if asked and fixed != (asked, asked):
        raise UsageError(
            f"Argument --image-size should be left out, since the classifier takes "
            f"{fixed[0]}x{fixed[1]} pixels. Received: {asked}"
        )
    return fixed


def _shapes(args, options):
    count = args.limit or _SHAPES_IMAGES
    train = datasets.shapes(count, seed=args.seed, **options)
    fewer = min(count, _SHAPES_VALIDATION)
    validation = datasets.shapes(fewer, seed=args.seed + _OTHER_SEED, **options)
    return train, validation, count


def _voc(args, options):
    options = {**options, "classes": args.classes, "limit": args.limit}
    split = args.split or "train"
    train = datasets.voc(
        args.data, split, shuffle=True, seed=args.seed, augment=args.augment, **options
    )
    validation = datasets.voc(
        args.data, args.validation_split or "val", shuffle=False, **options
    )
    names = read_split(find_folder(pathlib.Path(args.data), None), split)
    return train, validation, len(names[: args.limit])


def _coco(args, options):
    options = {**options, "classes": args.classes, "limit": args.limit}
    split = args.split or "train"
    train = datasets.coco(
        args.data, split, shuffle=True, seed=args.seed, augment=args.augment, **options
    )
    beside, validation = args.validation_split or "val", None
    if args.validation_split or has_instances(args.data, beside):
        validation = datasets.coco(args.data, beside, shuffle=False, **options)
    images = list(coco_instances(args.data, split).images)
    return train, validation, len(images[: args.limit])


def _tfds(args, options):
    options = {**options, "limit": args.limit, "seed": args.seed}
    split = args.split or "train"
    train = load_tfds(args, split, shuffle=True, augment=args.augment, **options)
    # Known once the data set was prepared.
    splits = tfds_builder(args).info.splits
    beside = args.validation_split or usual_split(splits, apart_from=split)
    validation = beside and load_tfds(args, beside, shuffle=False, **options)
    count = splits[split].num_examples
    return train, validation, min(count, args.limit or count)


def _folder(args, options):
    options = {**options, "class_names": args.classes, "limit": args.limit}
    root = pathlib.Path(args.data)
    folder = _split_folder(root, args.split, "train", "--split") or root
    beside = _split_folder(root, args.validation_split, "val", "--validation-split")
    try:
        train = datasets.image_folder(
            folder, shuffle=True, seed=args.seed, augment=args.augment, **options
        )
        validation = beside and datasets.image_folder(beside, **options)
    except ValueError as error:  # Its `class_names` are our --classes.
        raise ValueError(str(error).replace("class_names", "classes")) from error
    pictures = list_folder(folder, args.classes).pictures
    return train, validation, len(pictures[: args.limit])


def _split_folder(root, asked, usual, flag):
    """Returns the subfolder of a split, or None if it is absent and not asked for."""
    folder = root / (asked or usual)
    if folder.is_dir():
        if asked is None:
            _check_no_class(folder, flag)
        return folder
    if asked is None:
        return None
    raise UsageError(
        f"Argument {flag} should be a subfolder of {root}. Received: {asked}"
    )


def _check_no_class(folder, flag):
    """Refuses to take a folder for a part of the data that may be one of its classes.

    Raises:
        UsageError: If it has no classes inside, but pictures beside it.
    """
    if any(picture_files(path, deep=True).pictures for path in _subfolders(folder)):
        return
    root = folder.parent
    beside = [path for path in _subfolders(root) if path.name.lower() not in _SPLITS]
    found = [path.name for path in beside if picture_files(path, deep=True).pictures]
    found += [path.name for path in picture_files(root).pictures]
    if found:
        raise UsageError(
            f"Argument {flag} should say whether {folder.name} is all there is to load "
            f"({flag} {folder.name}) or one class of several ({flag} .). Received: "
            f"nothing, with {found[0]} beside it in {root}"
        )


def _subfolders(folder):
    found = sorted(path for path in folder.iterdir() if path.is_dir())
    return [path for path in found if not is_ignored(path.name)]


def _targets(args, outputs):
    """Says what is explained: "labels", or why the classifier's own predictions."""
    labels = len(data_classes(args))
    if labels == outputs:
        return "labels"
    if labels:
        reason = f"the data has {labels} classes, the classifier {outputs}"
    else:
        reason = "for labels, give --classes in the classifier's order"
    return f"the classifier's own predictions ({reason})"


def _without_labels(dataset):
    return dataset and dataset.map(lambda images, *labels: images)
