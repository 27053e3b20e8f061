"""The images of a dataset that have something to explain."""

import numpy as np

from keras_explainer.evaluation.mask_sources import Batch
from keras_explainer.inputs.labels import check_labels
from keras_explainer.inputs.labels import multi_hot_labels
from keras_explainer.inputs.labels import predicted_labels


def labelled_batches(explainer, dataset, limit=None, one_by_one=False):
    """Yields the images of a dataset that have a label.

    Args:
        explainer: An `ExplainerModel`, whose classifier labels images without labels.
        dataset: As for `evaluate_methods`.
        limit: int, or None: only this many images, the first ones.
        one_by_one: Boolean. Whether each batch is a single image.

    Yields:
        A `Batch` after the other, numbered without the images left out.

    Raises:
        ValueError: If labels are not classes of the classifier.
    """
    first = 0
    for element in dataset:
        images, labels, truth = _arrays(explainer, element)
        chosen = np.flatnonzero(labels.any(axis=1))
        if limit is not None:
            chosen = chosen[: max(0, limit - first)]
        size = 1 if one_by_one else max(1, len(chosen))
        for start in range(0, len(chosen), size):
            part = chosen[start : start + size]
            part_truth = None if truth is None else truth[part]
            yield Batch(images[part], labels[part], part_truth, first + start)
        first += len(chosen)
        if first == limit:
            return


def _arrays(explainer, element):
    """Returns images, multi-hot rows, and true masks or None, as arrays."""
    frozen = explainer.frozen
    element = element if isinstance(element, (tuple, list)) else (element,)
    images, labels, truth = (*map(np.asarray, element), None, None)[:3]
    images = images.astype("float32")
    if labels is None:
        probabilities = frozen.probabilities(frozen.logits(images))
        labels = predicted_labels(probabilities, frozen.multi_label)
    else:
        check_labels(labels, frozen.num_classes)
        labels = multi_hot_labels(labels, frozen.num_classes)
    if truth is not None and truth.ndim == 4:
        truth = truth[..., 0]
    return images, np.asarray(labels), truth
