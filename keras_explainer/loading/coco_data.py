"""What --dataset coco holds, before its images are loaded."""

import pathlib

from keras_explainer.datasets.coco import find_instances
from keras_explainer.datasets.coco_file import read_instances
from keras_explainer.datasets.remarks import Remarks


def coco_instances(root, split):
    """Returns what COCO's annotations of a split list.

    Args:
        root: Path of the folder that holds `annotations`.
        split: String, such as "train".
    """
    file = find_instances(pathlib.Path(root), split, None)
    # What is odd in them is told when they are loaded.
    return read_instances(file, Remarks("coco"))


def has_instances(root, split):
    """Returns whether there are annotations of a split."""
    try:
        return bool(find_instances(pathlib.Path(root), split, None))
    except (FileNotFoundError, ValueError):
        return False
