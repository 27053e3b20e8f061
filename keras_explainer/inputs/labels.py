"""Labels in every form users have them, as multi-hot rows."""

import numpy as np
from keras import ops

from keras_explainer import backend
from keras_explainer.inputs.error_subject import error_subject
from keras_explainer.inputs.images import as_array
from keras_explainer.inputs.images import short_repr
from keras_explainer.inputs.tensorflow_data import is_ragged
from keras_explainer.predicted_from import PREDICTED_FROM

_WHOLE = (int, np.integer)


def as_labels(labels, argument=None):
    """Returns labels as one array or tensor.

    Args:
        labels: Array, tensor, variable or list of numbers, or None.
        argument: String, or None. Name of the argument that gave them, for the error.

    Raises:
        ValueError: If they are none of these.
    """
    if backend.is_variable(labels):
        # Which of TensorFlow's own alone would stay a variable.
        return ops.stop_gradient(ops.convert_to_tensor(labels))
    if labels is None or backend.is_tensor(labels):
        return labels
    array = as_array(labels)
    if array is None or not array.ndim or is_ragged(labels):
        raise ValueError(
            f"{error_subject('Labels', argument)} should be class indices of shape "
            "(N,), or rows of 0 and 1 where images have several. Received: "
            f"{short_repr(labels)}"
        )
    if array.dtype == object and all(isinstance(x, _WHOLE) for x in array.flat):
        array = array.astype("int64")  # As columns of tables come.
    return array


def multi_hot_labels(labels, num_classes, argument=None):
    """Converts labels to multi-hot rows, inside or outside a graph.

    Args:
        labels: Class indices (N,) or (N, 1), such as the 0 and 1 of a binary
            classifier, or one-hot or multi-hot rows (N, C).
        num_classes: int. Number of classes C.
        argument: String, or None. Name of the argument that gave them, for the error.

    Returns:
        float32 tensor (N, C).

    Raises:
        ValueError: If the shape of `labels` is none of these.
    """
    shape = tuple(labels.shape)
    if len(shape) == 2 and shape[1] == num_classes:
        return ops.cast(labels, "float32")
    if shape[1:] in ((), (1,)) and len(shape) in (1, 2):
        indices = ops.reshape(ops.cast(labels, "int32"), (-1,))
        return ops.one_hot(indices, num_classes, dtype="float32")
    raise ValueError(
        f"{error_subject('Labels', argument)} should be class indices of shape (N,) or "
        f"rows of shape (N, {num_classes}). Received: shape {shape}"
    )


def check_labels(labels, num_classes, argument=None):
    """Raises a ValueError if labels are not classes of the classifier.

    Args:
        labels: Array, as for `multi_hot_labels`.
        num_classes: int. Number of classes C.
        argument: String, or None. Name of the argument that gave them, for the error.
    """
    labels, subject = as_array(labels), error_subject("Labels", argument)
    if labels.dtype.kind not in "iufb":
        raise ValueError(
            f"{subject} should be numbers; turn names into indices by "
            "`[names.index(label) for label in labels]`. Received: dtype "
            f"{labels.dtype}"
            + "".join(f", such as {one!r}" for one in labels.flat[:1].tolist())
        )
    multi_hot_labels(labels, num_classes, argument)
    rows = labels.ndim == 2 and labels.shape[1] == num_classes
    if rows and not np.isin(labels, (0, 1)).all():
        wrong = labels[~np.isin(labels, (0, 1))][0]
        raise ValueError(
            f"{subject} should be class indices, or rows of 0 or 1. Received: {wrong}"
        )
    if not rows:
        valid = (labels >= 0) & (labels < num_classes) & (labels == np.floor(labels))
        if not valid.all():
            raise ValueError(
                f"{subject} should be whole numbers from 0 to {num_classes - 1}. "
                f"Received: {labels[~valid][0]}"
            )


def labels_are_valid(labels, num_classes):
    """The check of `check_labels` inside a graph: a boolean scalar."""
    values = ops.cast(labels, "float32")
    if len(labels.shape) == 2 and labels.shape[1] == num_classes:
        return ops.all(ops.logical_or(values == 0, values == 1))
    inside = ops.logical_and(values >= 0, values < num_classes)
    return ops.all(ops.logical_and(inside, values == ops.floor(values)))


def predicted_labels(probabilities, multi_label):
    """Marks the classes that a classifier predicts.

    Args:
        probabilities: Tensor (N, C).
        multi_label: Boolean. Whether several classes may be predicted: all with a
            probability of at least 0.5, and always the most probable one.

    Returns:
        float32 multi-hot tensor (N, C).
    """
    most = ops.one_hot(
        ops.argmax(probabilities, axis=-1), probabilities.shape[-1], dtype="float32"
    )
    if not multi_label:
        return most
    return ops.maximum(most, ops.cast(probabilities >= PREDICTED_FROM, "float32"))


def label_accuracy(logits, rows, multi_label):
    """Returns what share of the labels of each image is right.

    Args:
        logits: Tensor (N, C).
        rows: Multi-hot tensor (N, C). The labels.
        multi_label: Boolean. Whether each class is an answer of its own, right where
            it is predicted and labelled or neither, or the most probable class is
            the answer.

    Returns:
        float32 tensor (N,) in [0, 1].
    """
    if multi_label:
        return ops.mean(ops.cast((logits >= 0) == (rows > 0), "float32"), axis=-1)
    answers = ops.one_hot(ops.argmax(logits, axis=-1), logits.shape[-1])
    return ops.sum(answers * rows, axis=-1)
