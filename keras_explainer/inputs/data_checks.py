"""What is known of the data that an argument should hold, and checks of it."""

import collections.abc
import contextlib

import numpy as np

from keras_explainer.inputs.error_subject import error_subject
from keras_explainer.inputs.images import as_array
from keras_explainer.inputs.images import check_image_shape
from keras_explainer.inputs.labels import as_labels
from keras_explainer.inputs.labels import check_labels
from keras_explainer.inputs.model_inputs import ModelInputs
from keras_explainer.inputs.tensorflow_data import is_ragged
from keras_explainer.inputs.tensorflow_data import is_spec

IMAGE_KEYS, LABEL_KEYS = ("image", "images"), ("label", "labels")
_WEIGHT_KEYS = ("sample_weight", "sample_weights")


class DataChecks:
    """What is known of the data that an argument should hold.

    Args:
        argument: String. Name of the argument, for the errors.
        image_shape: Tuple (H, W, channels) that is expected, None where it is open.
        num_classes: int, or None if labels are left out. Number of classes C.
        leaves_masks: Boolean. Whether the third part of batches is left out.
        inputs: `ModelInputs` of the classifier. Where it has several, the images of an
            element are the tuple of all of them.
    """

    def __init__(
        self,
        argument,
        image_shape=None,
        num_classes=None,
        leaves_masks=False,
        inputs=None,
    ):
        self.argument = argument
        self.image_shape = image_shape
        self.num_classes = num_classes
        self.leaves_masks = leaves_masks
        self.inputs = inputs or ModelInputs()
        self.form = None  # of the labels and weights of the first batch
        self.failure = None

    def parts(self, element, whole=False, has_labels=False):
        """Returns images, labels and weights of an element, None where there are none.

        Args:
            element: Images, a tuple or list of them and labels and weights, or a dict;
                or the specification of one of these.
            whole: Boolean. Whether these are all data, and may be a list of images.
            has_labels: Boolean. Whether the labels are known from elsewhere.
        """
        if self.inputs.are_several:
            return self._parts_of_several(element)
        if isinstance(element, collections.abc.Mapping):
            return self._entries(element, has_labels)
        if not isinstance(element, (tuple, list)):
            return element, None, None
        if whole:
            first = element[0] if element else None
            self._check_no_pair(first)
            is_mapping = isinstance(first, collections.abc.Mapping)
            if not is_mapping and np.ndim(as_array(first)) != 4:
                return element, None, None
        if not 1 <= len(element) <= 3:
            raise ValueError(
                f"Argument `{self.argument}` should give images, (images, labels) or "
                f"(images, labels, weights). Received: {len(element)} parts"
            )
        images, labels, weights = (*element, None, None)[:3]
        if isinstance(images, collections.abc.Mapping):
            images = self._entries(images, labels is not None)[0]
        return images, labels, None if self.leaves_masks else weights

    def _parts_of_several(self, element):
        """Returns all inputs, in order, and labels and weights of an element."""
        labels = weights = None
        if isinstance(element, collections.abc.Mapping):
            labels, weights = (_entry(element, k) for k in (LABEL_KEYS, _WEIGHT_KEYS))
        elif isinstance(element, (tuple, list)) and 1 <= len(element) <= 3:
            first = element[0]
            if isinstance(first, (tuple, list, collections.abc.Mapping)):
                element, labels, weights = (*element, None, None)[:3]
        x = self.inputs.in_order(element, self.argument)
        return x, labels, None if self.leaves_masks else weights

    def _check_no_pair(self, first):
        """Raises a ValueError if the first of a list is images and their labels."""
        if not isinstance(first, (tuple, list)) or len(first) not in (2, 3):
            return
        ranks = [np.ndim(as_array(part)) for part in first]
        if ranks[0] not in (3, 4) or ranks[1] >= 3:
            return
        joined = "array" if ranks[0] == 3 else "concatenate"
        raise ValueError(
            f"Argument `{self.argument}` should be images, and their labels be `y`; "
            f"take pairs apart by `x, y = map(np.{joined}, zip(*pairs))`. Received: a "
            "list of pairs"
        )

    def _entries(self, element, has_labels):
        keys = IMAGE_KEYS, LABEL_KEYS, _WEIGHT_KEYS
        images, labels, weights = (_entry(element, names) for names in keys)
        if images is None and len(element) == 1:
            (images,) = element.values()
        has_labels = has_labels or self.num_classes is None or len(element) == 1
        if images is None or (labels is None and not has_labels):
            raise ValueError(
                f'Argument `{self.argument}` should have the keys "image" and "label" '
                "where it gives dicts; choose others by `dataset.map(lambda batch: "
                "(batch[...], batch[...]))`. Received: the keys "
                + ", ".join(map(repr, element))
            )
        return images, labels, weights

    def as_arrays(self, batch):
        """Returns a batch as a tuple of arrays, once it is checked: of float32, but for
        other inputs than images."""
        x, labels, weights = self.parts(batch)
        x = self.inputs.as_arrays(x, self.argument)
        images, _ = self.inputs.split(x)
        check_image_shape(tuple(images.shape), self.image_shape, self.argument)
        labels, weights = as_labels(labels, self.argument), as_labels(weights)
        self.check_batch(x, labels, weights)
        images, others = self.inputs.split(x)
        parts = without_missing(images, labels, weights)
        images, *parts = (np.asarray(part, "float32") for part in parts)
        parts = (self.inputs.joined(images, tuple(map(np.asarray, others))), *parts)
        form = [part.shape[1:] for part in parts[1:]]
        self.form = form if self.form is None else self.form
        if form != self.form:
            raise ValueError(
                f"Argument `{self.argument}` should give labels and weights of one "
                f"form in all batches. Received: rows of shapes {self.form} and {form}"
            )
        return parts

    @contextlib.contextmanager
    def kept_failure(self):
        """Keeps an error for `fit`, since TensorFlow would tell it otherwise."""
        try:
            yield
        except Exception as error:
            self.failure = error
            raise

    def check_batch(self, x, labels, weights, y=None, sample_weight=None):
        """Raises a ValueError if a batch does not suit the classifier.

        Args:
            x: Array or tensor (N, H, W, channels), or a tuple of all inputs.
            labels: Array or tensor, or None.
            weights: Array or tensor (N,), or None.
            y: String, or None. Name of an argument of their own that gave labels.
            sample_weight: String, or None. Name of one that gave weights.
        """
        images = self.inputs.split(x)[0]
        check_image_shape(tuple(images.shape), self.image_shape, self.argument)
        if labels is not None:
            check_labels(labels, self.num_classes, y or self.argument)
        if weights is not None:
            weights = np.asarray(weights)
            subject = error_subject("Weights", sample_weight or self.argument)
            is_flat = weights.ndim == 1 or weights.shape[1:] == (1,)
            if not is_flat or weights.dtype.kind not in "iufb":
                raise ValueError(
                    f"{subject} should be numbers of shape (N,); if they are masks, "
                    "leave them out by `dataset.map(lambda images, labels, masks: "
                    f"(images, labels))`. Received: {weights.dtype} of shape "
                    f"{weights.shape}"
                )
            wrong = weights[~(np.isfinite(weights) & (weights >= 0))]
            if wrong.size:
                raise ValueError(
                    f"{subject} should be finite and not negative. Received: "
                    f"{wrong.flat[0]}"
                )
        for name, values in (("labels", labels), ("weights", weights)):
            if values is not None and len(values) != len(images):
                raise ValueError(
                    f"Argument `{self.argument}` should have as many {name} as images. "
                    f"Received: {len(images)} images and {len(values)} {name}"
                )

    def check_spec(self, element_spec):
        """Raises a ValueError if the elements of a dataset are no batches."""
        x, *others = self.parts(element_spec)
        images, inputs = self.inputs.split(x)
        if is_ragged(images):
            raise ValueError(
                f"Argument `{self.argument}` should hold images of one size; resize "
                "them before they are put together, in `dataset.map(...).batch(32)`. "
                "Received: ragged images"
            )
        for spec in (images, *inputs, *others):
            if spec is not None and not is_spec(spec):
                raise ValueError(
                    f"Argument `{self.argument}` should give tensors: images, and for "
                    "each an index, or a row of 0 and 1 for several labels. Received: "
                    f"{type(spec).__name__}"
                )
        if images.shape.rank == 3:
            raise ValueError(
                f"Argument `{self.argument}` should give batches of images; put them "
                "together by `dataset.batch(32)`. Received: images of shape "
                f"{tuple(images.shape)}"
            )


def _entry(element, names):
    return next((element[name] for name in names if name in element), None)


def without_missing(*parts):
    """Returns the parts that are not None, as Keras takes a batch of them."""
    return tuple(part for part in parts if part is not None)
