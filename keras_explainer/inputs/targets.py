"""The classes asked for, in every form users have them, as indices."""

import numpy as np

from keras_explainer.inputs.images import as_array


def target_classes(targets, num_images, num_classes):
    """Converts the `targets` of `explain` to class indices.

    Args:
        targets: int (the same class for all images), a list of ints (one per
            image), or one-hot or multi-hot rows (N, C).
        num_images: int. Number of images N.
        num_classes: int. Number of classes C.

    Returns:
        int32 array (N, k), padded with -1 where an image has fewer targets.

    Raises:
        ValueError: If `targets` is none of these or names an unknown class.
    """
    array = as_array(targets)
    expected = (
        "an int, a list of one int per image, or one-hot or multi-hot rows of shape "
        f"({num_images}, {num_classes})"
    )
    # True is a 1 of a row, but no class.
    if array is None or array.dtype.kind not in ("iufb" if array.ndim == 2 else "iuf"):
        if array is not None and array.dtype.kind in "US":
            expected += "; the index of a name is `class_names.index(name)`"
        raise ValueError(
            f"Argument `targets` should be {expected}. Received: {targets!r}"
        )
    if array.shape == (num_images, num_classes) and array.ndim == 2:
        if not np.isin(array, (0, 1)).all():
            raise ValueError(
                f"Argument `targets` should hold 0 and 1 when given as rows. "
                f"Received: {array[~np.isin(array, (0, 1))][0]}"
            )
        width = max(1, int(array.sum(axis=1).max(initial=0)))
        classes = np.full((num_images, width), -1, "int32")
        for row, indices in zip(classes, map(np.flatnonzero, array)):
            row[: len(indices)] = indices
        return classes
    if array.shape not in ((), (num_images,)):
        raise ValueError(
            f"Argument `targets` should be {expected}. Received: shape {array.shape}"
        )
    valid = (array >= 0) & (array < num_classes) & (array == np.floor(array))
    if not np.all(valid):
        raise ValueError(
            f"Argument `targets` should name classes from 0 to {num_classes - 1}. "
            f"Received: {array[~valid].flat[0]}"
        )
    return np.broadcast_to(array.astype("int32"), (num_images,))[:, None].copy()
