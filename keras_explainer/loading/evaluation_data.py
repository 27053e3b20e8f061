"""The data that `evaluate` measures on."""

import typing

from keras_explainer.loading.data_sources import data_source
from keras_explainer.loading.image_options import image_options


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
    options = image_options(args, explainer)
    return EvaluationData(*data_source(args).load_evaluation(explainer, options))
