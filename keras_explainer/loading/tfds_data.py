"""What --dataset tfds:NAME stands for."""

from keras_explainer import datasets
from keras_explainer.command_line.command_error import UsageError
from keras_explainer.datasets.from_tfds import _LABELS
from keras_explainer.datasets.from_tfds import feature_at
from keras_explainer.datasets.from_tfds import find_feature

_VALIDATION = ("validation", "val", "test")


def tfds_builder(args):
    """Returns the `tfds.core.DatasetBuilder` of --dataset tfds:NAME.

    Args:
        args: Namespace with `dataset` and `data`.

    Raises:
        UsageError: If TensorFlow Datasets knows no such data set.
    """
    import tensorflow_datasets as tfds

    from keras_explainer.datasets import coco_masks  # noqa: F401, registers it
    from keras_explainer.datasets import voc_masks  # noqa: F401

    try:
        return tfds.builder(_name(args), data_dir=args.data)
    except tfds.core.DatasetNotFoundError as error:
        raise UsageError(
            "Argument --dataset should be a data set that TensorFlow Datasets knows, "
            f"after tfds:. Received: {args.dataset}"
        ) from error


def tfds_classes(args):
    """Returns the names of the labels."""
    features = tfds_builder(args).info.features
    labels = find_feature(features, _LABELS, "labels", _name(args))
    return list(feature_at(features, labels).names)


def usual_split(splits, apart_from=None):
    """Returns the split to validate on, or None if there is none.

    Args:
        splits: Names of the splits there are.
        apart_from: String. The split to learn from.
    """
    usual = (name for name in _VALIDATION if name in splits and name != apart_from)
    return next(usual, None)


def load_tfds(args, split, **options):
    """Loads a split by `keras_explainer.datasets.from_tfds`."""
    tfds_builder(args)  # Says what is wrong with the name.
    return datasets.from_tfds(_name(args), split, data_dir=args.data, **options)


def _name(args):
    return args.dataset.partition(":")[2]
