"""The arguments that name a data set, for `train` and `evaluate`."""

import pathlib

from keras_explainer.command_line.argument_types import dataset_name
from keras_explainer.command_line.argument_types import whole_number
from keras_explainer.command_line.command_error import UsageError


def add_dataset(group, pictures):
    """Adds --dataset and --data to a group of arguments.

    Args:
        group: The group.
        pictures: String, what is said of the pictures of --dataset folder.
    """
    group.add_argument(
        "--dataset",
        required=True,
        type=dataset_name,
        metavar="DATASET",
        help=f"voc (PASCAL VOC), coco, folder (pictures, {pictures}), shapes (drawn on "
        "the fly), or tfds:NAME of TensorFlow Datasets",
    )
    group.add_argument(
        "--data",
        metavar="DIR",
        help="VOCdevkit, the folder of COCO's annotations, that of the pictures, or "
        "that of prepared TensorFlow Datasets (default for these: their own)",
    )


def add_image_size(group):
    """Adds --image-size to a group of arguments."""
    group.add_argument(
        "--image-size",
        type=whole_number(32),
        metavar="N",
        help="height and width, for a classifier that leaves them open (default: 224)",
    )


def check_data_arguments(args, file_options):
    """Refuses --data and its like where they do not suit --dataset.

    Args:
        args: Namespace with `dataset`, `data` and the file options.
        file_options: Names of the arguments that only a dataset of files has.

    Raises:
        UsageError: If the folder is missing, or shapes are to be read from files.
    """
    if args.dataset == "shapes":
        given = [name for name in file_options if getattr(args, name)]
        if given:
            flag = f"--{given[0].replace('_', '-')}"
            raise UsageError(
                f"Argument {flag} should be left out with --dataset shapes, which has "
                f"no files. Received: {flag}"
            )
    elif args.dataset.startswith("tfds:"):
        if args.classes:
            raise UsageError(
                "Argument --classes should be left out with --dataset tfds, whose "
                f"classes are as they are. Received: {','.join(args.classes)}"
            )
    elif not args.data or not pathlib.Path(args.data).is_dir():
        raise UsageError(
            f"Argument --data should be an existing folder for --dataset "
            f"{args.dataset}. Received: {args.data or 'nothing'}"
        )
