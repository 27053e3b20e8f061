"""The data that `evaluate` measures on."""

import pathlib
import typing

from keras_explainer import datasets
from keras_explainer.command_line.command_error import UsageError
from keras_explainer.datasets.image_folder import list_folder
from keras_explainer.datasets.shapes import SHAPES_CLASSES
from keras_explainer.datasets.voc import VOC_CLASSES
from keras_explainer.datasets.voc import find_folder
from keras_explainer.datasets.voc import read_split
from keras_explainer.loading.coco_data import coco_instances
from keras_explainer.loading.tfds_data import load_tfds
from keras_explainer.loading.tfds_data import tfds_builder
from keras_explainer.loading.tfds_data import tfds_classes
from keras_explainer.loading.tfds_data import usual_split
from keras_explainer.loading.training_data import check_order
from keras_explainer.loading.training_data import loading_options

_SHAPES_IMAGES = 256
# Not those that `train` learns from.
_SHAPES_SEED = 9_000_000


class EvaluationData(typing.NamedTuple):
    """What `load_evaluation_data` returns.

    Args:
        dataset: `tf.data.Dataset` of (images, labels, truth), (images, labels) or
            (images,).
        count: int. Images, broken ones included.
        class_names: List of C strings.
        targets: String that says what is explained.
    """

    dataset: typing.Any
    count: int
    class_names: list
    targets: str


def load_evaluation_data(args, explainer):
    """Loads the images that the arguments of `evaluate` ask for, in a fixed order.

    Args:
        args: Namespace with `dataset`, `data`, `split`, `classes`, `limit`, `seed`,
            `batch_size` and `image_size`.
        explainer: The explainer, which knows size, preprocessing and classes.

    Returns:
        An `EvaluationData`.

    Raises:
        UsageError: If the data does not have the classes of the classifier.
    """
    options = loading_options(args, explainer)
    read = {
        "shapes": _shapes,
        "voc": _voc,
        "coco": _coco,
        "folder": _folder,
        "tfds": _tfds,
    }[args.dataset.partition(":")[0]]
    return read(args, explainer, options)


def _shapes(args, explainer, options):
    count = args.limit or _SHAPES_IMAGES
    _check_classes(SHAPES_CLASSES, explainer, args)
    dataset = datasets.shapes(
        count, seed=args.seed + _SHAPES_SEED, masks=True, **options
    )
    return EvaluationData(dataset, count, SHAPES_CLASSES, "the classes in the image")


def _voc(args, explainer, options):
    split = args.split or "val"
    names = read_split(find_folder(pathlib.Path(args.data), None), split)
    return _with_masks(
        datasets.voc, VOC_CLASSES, names, split, args, explainer, options
    )


def _coco(args, explainer, options):
    split = args.split or "val"
    found = coco_instances(args.data, split)
    every, names = list(found.categories.values()), list(found.images)
    return _with_masks(datasets.coco, every, names, split, args, explainer, options)


def _with_masks(load, every, names, split, args, explainer, options):
    """Loads images with true masks by `load`, of those out of `every` class wanted."""
    classes, known = args.classes or every, explainer.class_names
    if args.classes is None and known and set(known) <= set(every):
        classes = known
    _check_classes(classes, explainer, args)
    dataset = load(
        args.data,
        split,
        classes=classes,
        masks=True,
        shuffle=False,
        cache=True,
        limit=args.limit,
        **options,
    )
    count = len(names[: args.limit])
    return EvaluationData(dataset, count, list(classes), "the classes in the image")


def _tfds(args, explainer, options):
    classes = tfds_classes(args)
    _check_classes(classes, explainer, args)
    splits = tfds_builder(args).info.splits
    split = args.split or usual_split(splits) or "train"
    options = {**options, "shuffle": False, "cache": True, "limit": args.limit}
    try:
        dataset = load_tfds(args, split, masks=True, **options)
    except ValueError:  # It has neither masks nor boxes; or else it says so again.
        dataset = load_tfds(args, split, **options)
    count = tfds_builder(args).info.splits[split].num_examples
    return EvaluationData(
        dataset, min(count, args.limit or count), classes, "the classes in the image"
    )


def _folder(args, explainer, options):
    root = pathlib.Path(args.data)
    if args.split and not (root / args.split).is_dir():
        raise UsageError(
            f"Argument --split should be a subfolder of {root}. Received: {args.split}"
        )
    root = root / (args.split or "")
    classes, names = args.classes, explainer.class_names
    if classes is None and names and set(names) <= set(list_folder(root).class_names):
        classes = names
    labelled = classes is not None
    if labelled:
        _check_classes(classes, explainer, args)
    dataset = datasets.image_folder(
        root, class_names=classes, limit=args.limit, cache=True, **options
    )
    if not labelled:
        dataset = dataset.map(lambda images, *labels: (images,))
    pictures = list_folder(root, classes).pictures
    return EvaluationData(
        dataset,
        len(pictures[: args.limit]),
        names or classes or explainer.display_names,
        "the classes of the subfolders"
        if labelled
        else "the classifier's own predictions (for labels, give --classes)",
    )


def _check_classes(classes, explainer, args):
    outputs = explainer.frozen.num_classes
    if len(classes) != outputs:
        raise UsageError(
            f"Argument --classes should name the {outputs} classes of the classifier "
            f"in its order. Received: {len(classes)} classes, "
            + (",".join(args.classes) if args.classes else f"those of {args.dataset}")
        )
    check_order(args, classes, explainer)
