"""The data that `train` learns from."""

import math
import typing

import numpy as np

from keras_explainer.loading.data_sources import data_source
from keras_explainer.loading.image_options import image_options


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
    count: int
    steps: int
    targets: str
    epoch: typing.Any

    def first_images(self, count):
        """Returns the first images for validation, or else for training.

        Args:
            count: int, how many at most.

        Returns:
            float32 array (N, H, W, channels), N at most `count`.
        """
        dataset = self.train if self.validation is None else self.validation
        images = dataset.map(lambda images, *labels: images)
        return np.stack(list(images.unbatch().take(count).as_numpy_iterator()))


def load_training_data(args, explainer):
    """Loads the images that the arguments of `train` ask for.

    Args:
        args: Namespace with `dataset`, `data`, `split`, `validation_split`,
            `classes`, `batch_size`, `limit`, `augment` and `image_size`.
        explainer: The explainer to be trained, which knows size and preprocessing.

    Returns:
        A `TrainingData`.
    """
    source = data_source(args)
    train, validation, count = source.load_training(image_options(args, explainer))
    epoch = train.epoch
    class_names = source.class_names
    targets = _targets(class_names, explainer.frozen.num_classes)
    if targets == "labels":
        source.check_order(class_names, explainer)
    else:
        train, validation = _without_labels(train), _without_labels(validation)
    steps = math.ceil(count / args.batch_size)
    return TrainingData(train, validation, count, steps, targets, epoch)


def _targets(class_names, outputs):
    """Says what is explained: "labels", or why the classifier's own predictions."""
    labels = len(class_names)
    if labels == outputs:
        return "labels"
    if labels:
        reason = f"the data has {labels} classes, the classifier {outputs}"
    else:
        reason = "for labels, give --classes in the classifier's order"
    return f"the classifier's own predictions ({reason})"


def _without_labels(dataset):
    return dataset and dataset.map(lambda images, *labels: images)
