"""The data that `evaluate` measures on."""

from keras_explainer.loading.data_sources import data_source
from keras_explainer.loading.image_options import image_options


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
    return data_source(args).load_evaluation(explainer, image_options(args, explainer))
