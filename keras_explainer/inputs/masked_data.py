"""Images with labels and true masks, in the forms that users have them."""

import collections.abc
import itertools

import keras
import numpy as np

from keras_explainer.inputs.data_checks import IMAGE_KEYS
from keras_explainer.inputs.data_checks import LABEL_KEYS
from keras_explainer.inputs.data_forms import is_batched
from keras_explainer.inputs.images import as_array
from keras_explainer.inputs.images import as_images
from keras_explainer.inputs.labels import as_labels
from keras_explainer.inputs.labels import check_labels
from keras_explainer.inputs.labels import multi_hot_labels
from keras_explainer.inputs.tensorflow_data import is_dataset
from keras_explainer.inputs.tensorflow_data import is_distributed
from keras_explainer.inputs.tensorflow_data import is_spec
from keras_explainer.inputs.tensorflow_data import is_tensor
from keras_explainer.void import VOID

_MASK_KEYS = ("mask", "masks")


def has_masks(data):
    """Returns whether data give a true mask with each image.

    Args:
        data: (images, labels, masks), a dict with the keys "image", "label" and "mask",
            or batches of one of these: a `tf.data.Dataset`, a `PyDataset`, or anything
            that can be iterated over again and again.
    """
    if is_dataset(data):
        spec = data.element_spec
        specs = filter(is_spec, keras.tree.flatten(spec))
        if any(spec.shape.rank is None for spec in specs):
            spec = next(iter(data.take(1)), None)
        return _masks_of(spec) is not None
    if isinstance(data, keras.utils.PyDataset):
        return bool(data.num_batches) and _masks_of(data[0]) is not None
    if is_distributed(data):
        return False
    if is_batched(data):
        # What ends once is not looked at, lest its first batch be lost.
        again = iter(data) is not data
        return again and _masks_of(next(iter(data), None)) is not None
    return _masks_of(data) is not None


def without_masks(data):
    """Returns whole data without their masks, and batches as they are."""
    if is_batched(data) or isinstance(data, collections.abc.Mapping):
        return data
    return tuple(data[:2])


class MaskedData:
    """Images with labels and true masks, batch by batch, as often as they are asked.

    Args:
        data: As for `has_masks`.
        num_classes: int. Number of classes C.
        argument: String. Name of the argument that gave the data, for the errors.
        batch_size: int. Images per batch, where the data are no batches yet.
        steps: int. Batches, where the data have no end, or None: all.

    Raises:
        ValueError: If images, labels and masks do not suit each other, when they are
            read.
    """

    def __init__(self, data, num_classes, argument, batch_size=32, steps=None):
        self.data = data
        self.num_classes = num_classes
        self.argument = argument
        self.batch_size = batch_size
        self.steps = steps

    def check(self):
        """Raises a ValueError if the first batch, or whole data, do not suit."""
        first = next(iter(self), None)
        if first is None:
            raise ValueError(
                f"Argument `{self.argument}` should hold at least one image. Received: "
                "an empty set"
            )
        if not is_batched(self.data):
            self.check_objects(has_object(as_array(_masks_of(self.data))))

    def check_objects(self, found):
        """Raises a ValueError if no object was found in all masks."""
        if not found:
            raise ValueError(
                f"Argument `{self.argument}` should give masks with at least one "
                f"object; divide masks of 0 and {VOID}, which is void, by {VOID}. "
                "Received: nothing but background and void"
            )

    def __iter__(self):
        """Yields images, multi-hot rows (N, C) or None, and masks (N, H, W)."""
        batches = self._batches() if is_batched(self.data) else self._slices()
        for images, labels, masks in itertools.islice(batches, self.steps):
            yield images, self._rows(labels, images), self._checked(masks, images)

    def _batches(self):
        batches = self.data
        if isinstance(batches, keras.utils.PyDataset):
            batches = map(batches.__getitem__, range(batches.num_batches))
        return map(self._parts, batches)

    def _slices(self):
        parts = self._parts(self.data)
        self._checked(parts[-1], parts[0])
        for start in range(0, len(parts[0]), self.batch_size):
            end = start + self.batch_size
            yield [None if part is None else part[start:end] for part in parts]

    def _parts(self, element):
        if isinstance(element, collections.abc.Mapping):
            images, labels = _entry(element, IMAGE_KEYS), _entry(element, LABEL_KEYS)
        else:
            images, labels = element[:2]
        masks = as_array(_masks_of(element))
        return as_images(images, self.argument), as_labels(labels, self.argument), masks

    def _rows(self, labels, images):
        if labels is None:
            return None
        check_labels(labels, self.num_classes, self.argument)
        if len(labels) != len(images):
            raise ValueError(
                f"Argument `{self.argument}` should have as many labels as images. "
                f"Received: {len(images)} images and {len(labels)} labels"
            )
        return as_array(multi_hot_labels(labels, self.num_classes))

    def _checked(self, masks, images):
        """Returns masks (N, H, W), once they are known to be masks of the images."""
        shape = masks.shape[:-1] if masks.shape[3:] == (1,) else masks.shape
        if len(shape) != 3 or shape[0] != len(images):
            raise ValueError(
                f"Argument `{self.argument}` should give masks of shape (N, H, W) or "
                f"(N, H, W, 1) for N images. Received: {len(images)} images and masks "
                f"of shape {masks.shape}"
            )
        wrong = masks.dtype.kind not in "biuf" and f"dtype {masks.dtype}"
        if not wrong and not (np.isfinite(masks) & (masks >= 0)).all():
            wrong = masks[~(np.isfinite(masks) & (masks >= 0))].flat[0]
        if wrong is not False:
            raise ValueError(
                f"Argument `{self.argument}` should give masks of numbers: 0 for "
                f"background, {VOID} for void, any other from 0 for the object. "
                f"Received: {wrong}"
            )
        return masks.reshape(shape)


def has_object(masks):
    """Returns whether an array of masks holds an object anywhere."""
    return bool(((masks > 0) & (masks != VOID)).any())


def _masks_of(element):
    """Returns the masks of an element, or their specification; None if it has none."""
    if isinstance(element, collections.abc.Mapping):
        return _entry(element, _MASK_KEYS)
    if not isinstance(element, (tuple, list)) or len(element) != 3:
        return None
    # A vector stands for the weights of images, as in Keras; three images are no masks.
    is_masked = _rank(element[0]) == 4 and _rank(element[2]) >= 3
    return element[2] if is_masked else None


def _entry(element, names):
    return next((element[name] for name in names if name in element), None)


def _rank(part):
    if is_spec(part) or is_tensor(part):
        return part.shape.rank or 0
    return np.ndim(as_array(part))
