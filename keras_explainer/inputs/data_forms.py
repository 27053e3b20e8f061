"""The forms that users have data in, as what Keras takes and what `explain` reads."""

import collections.abc
import contextlib
import dataclasses
import itertools
import typing

import keras
import numpy as np
import tensorflow as tf

from keras_explainer.inputs.images import as_array
from keras_explainer.inputs.images import as_images
from keras_explainer.inputs.images import check_image_shape
from keras_explainer.inputs.images import shown
from keras_explainer.inputs.labels import as_labels
from keras_explainer.inputs.labels import check_labels

IMAGE_KEYS, LABEL_KEYS = ("image", "images"), ("label", "labels")
_WEIGHT_KEYS = ("sample_weight", "sample_weights")


@dataclasses.dataclass
class Data:
    """Images, labels and weights, as Keras takes them.

    Args:
        x: Array or tensor of all images, a `tf.data.Dataset` or a `PyDataset`.
        y: Array or tensor of all labels, or None.
        sample_weight: Array or tensor of all weights, or None.
        first: Tuple of the images, labels and weights of the first batch.
        checks: `_Checks`, which keeps an error that came up while data were read.
    """

    x: typing.Any
    y: typing.Any = None
    sample_weight: typing.Any = None
    first: typing.Any = None
    checks: typing.Any = None

    @property
    def arrays(self):
        """Tuple of all images, labels and weights."""
        return self.x, self.y, self.sample_weight


def read_data(
    x,
    y,
    sample_weight,
    image_shape,
    num_classes,
    argument="x",
    end=("steps", None),
    leaves_masks=False,
):
    """Reads data in any form, and checks what can be known before the first step.

    Args:
        x: Images: array, tensor, variable or list; or batches of images, (images,
            labels), (images, labels, weights) or dicts with such keys: a
            `tf.data.Dataset`, a `PyDataset`, a generator or anything to iterate over.
        y: Labels, where x is no more than images, or None.
        sample_weight: Weights (N,), likewise.
        image_shape: Tuple of the height, width and channels expected, None if open.
        num_classes: int, C.
        argument: Name of `x`, for the errors.
        end: Tuple of the name and the value of the argument that ends what has no end.
        leaves_masks: Boolean. Whether the third part of batches is left out, since it
            is true masks.

    Returns:
        `Data`.

    Raises:
        ValueError: If the data are in none of these forms, or do not suit the
            classifier.
    """
    checks = _Checks(argument, image_shape, num_classes, leaves_masks)
    if not is_batched(x):
        images, labels, weights = checks.parts(x, whole=True, has_labels=y is not None)
        if labels is not None and y is not None:
            raise ValueError(
                f"Argument `y` should be None where `{argument}` holds labels of its "
                f"own. Received: {shown(y)}"
            )
        arrays = (
            as_images(images, argument),
            as_labels(labels if y is None else y),
            as_labels(weights if sample_weight is None else sample_weight),
        )
        checks.of_batch(*arrays)
        return Data(*arrays, first=(arrays[0][:32], *arrays[1:]), checks=checks)
    for name, value in (("y", y), ("sample_weight", sample_weight)):
        if value is not None:
            raise ValueError(
                f"Argument `{name}` should be None, since `{argument}` gives batches: "
                "let each be (images, labels) or (images, labels, weights). "
                f"Received: {shown(value)}"
            )
    if isinstance(x, tf.data.Dataset):
        x, first = _of_dataset(x, checks, end)
    elif isinstance(x, tf.distribute.DistributedDataset):
        first = _first_of_distributed(x)
    elif isinstance(x, keras.utils.PyDataset):
        x = _PlainPyDataset(x, checks)
        first = None if x.num_batches == 0 else x[0]
    else:
        x, first = _of_iterable(x, checks)
    if first is None:
        raise ValueError(
            f"Argument `{argument}` should hold at least one image. Received: an empty "
            "set"
        )
    first = (*first, None, None)[:3]
    checks.of_batch(*first)
    return Data(x, first=first, checks=checks)


def read_images(images, image_shape):
    """Returns all images of what `explain` takes, as one array or tensor.

    Args:
        images: As for `read_data`; labels and weights are left out.
        image_shape: Tuple of the height, width and channels expected, None if open.

    Raises:
        ValueError: If the images are in none of these forms.
    """
    checks = _Checks("images")
    if not is_batched(images):
        images = checks.parts(images, whole=True)[0]
    if not is_batched(images):
        return as_images(images)
    batches = images
    if isinstance(images, tf.data.Dataset):
        checks.of_spec(images.element_spec)
        _check_end(images, "images", "`dataset.take(count)`")
    elif isinstance(images, keras.utils.PyDataset):
        batches = map(images.__getitem__, range(images.num_batches))
    batches = [np.asarray(as_images(checks.parts(batch)[0])) for batch in batches]
    for batch in batches:
        check_image_shape(batch.shape, image_shape)
    if not batches:
        raise ValueError("Images should hold at least one. Received: an empty set")
    shapes = sorted({batch.shape[1:] for batch in batches})
    if len(shapes) > 1:
        raise ValueError(
            "Images should be of one size in all batches; explain them batch by batch. "
            f"Received: {shapes[0]} and {shapes[1]}"
        )
    return np.concatenate(batches)


class _Checks:
    """What is known of the data that an argument should hold."""

    def __init__(
        self, argument, image_shape=None, num_classes=None, leaves_masks=False
    ):
        self.argument = argument
        self.image_shape = image_shape
        self.num_classes = num_classes
        self.leaves_masks = leaves_masks
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
        def entry(names):
            return next((element[name] for name in names if name in element), None)

        images, labels, weights = map(entry, (IMAGE_KEYS, LABEL_KEYS, _WEIGHT_KEYS))
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

    def plain(self, batch):
        """Returns a batch as a tuple of float32 arrays, once it is checked."""
        images, labels, weights = self.parts(batch)
        images = as_images(images, self.argument)
        check_image_shape(tuple(images.shape), self.image_shape)
        parts = images, as_labels(labels), as_labels(weights)
        self.of_batch(*parts)
        parts = tuple(np.asarray(part, "float32") for part in _packed(*parts))
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

    def of_batch(self, images, labels, weights):
        """Raises a ValueError if a batch does not suit the classifier."""
        check_image_shape(tuple(images.shape), self.image_shape)
        if labels is not None:
            check_labels(labels, self.num_classes)
        if weights is not None:
            weights = np.asarray(weights)
            is_flat = weights.ndim == 1 or weights.shape[1:] == (1,)
            if not is_flat or weights.dtype.kind not in "iufb":
                raise ValueError(
                    "Weights of images should be numbers of shape (N,); if they are "
                    "masks, leave them out by `dataset.map(lambda images, labels, "
                    "masks: (images, labels))`. Received: "
                    f"{weights.dtype} of shape {weights.shape}"
                )
            wrong = weights[~(np.isfinite(weights) & (weights >= 0))]
            if wrong.size:
                raise ValueError(
                    "Weights of images should be finite and not negative. Received: "
                    f"{wrong.flat[0]}"
                )
        for name, values in (("labels", labels), ("weights", weights)):
            if values is not None and len(values) != len(images):
                raise ValueError(
                    f"Argument `{self.argument}` should have as many {name} as images. "
                    f"Received: {len(images)} images and {len(values)} {name}"
                )

    def of_spec(self, element_spec):
        """Raises a ValueError if the elements of a dataset are no batches."""
        images, *others = self.parts(element_spec)
        if isinstance(images, tf.RaggedTensorSpec):
            raise ValueError(
                f"Argument `{self.argument}` should hold images of one size; resize "
                "them before they are put together, in `dataset.map(...).batch(32)`. "
                "Received: ragged images"
            )
        for spec in (images, *others):
            if spec is not None and not isinstance(spec, tf.TensorSpec):
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


def is_batched(x):
    """Returns whether something gives batch after batch, and is no images itself."""
    if isinstance(x, (tf.data.Dataset, tf.distribute.DistributedDataset)):
        return True
    whole = (list, tuple, str, bytes, collections.abc.Mapping, keras.KerasTensor)
    if isinstance(x, whole) or hasattr(x, "__array__") or tf.is_tensor(x):
        return False
    return hasattr(x, "__iter__") or isinstance(x, keras.utils.PyDataset)


def _packed(*parts):
    """Returns images, labels and weights as Keras takes a batch of them."""
    return tuple(part for part in parts if part is not None)


def _check_end(dataset, argument, steps):
    if int(dataset.cardinality()) == tf.data.INFINITE_CARDINALITY:
        raise ValueError(
            f"Argument `{argument}` should have an end; set one by {steps}. Received: "
            "a dataset that repeats for ever"
        )


def _of_dataset(dataset, checks, end):
    checks.of_spec(dataset.element_spec)
    name, value = end
    if value is None:
        _check_end(dataset, checks.argument, f"`{name}=...`")
    first = next(iter(dataset.take(1)), None)
    if first is None:
        return dataset, None
    first = _packed(*checks.parts(first))
    ranks = [len(part.shape) for part in first]
    spec = dataset.element_spec
    known = _packed(*checks.parts(spec))
    is_plain = spec in (known, known[0])
    if is_plain and all(part.shape.rank is not None for part in known):
        return dataset, first

    def packed(*element):
        parts = checks.parts(element if len(element) > 1 else element[0])
        # A Python function in a dataset loses the rank, which Keras needs.
        shapes = [[None] * rank for rank in ranks]
        return tuple(map(tf.ensure_shape, _packed(*parts), shapes))

    return dataset.map(packed), first


def _first_of_distributed(dataset):
    first = next(iter(dataset), None)
    if first is None:
        return None
    parts = first if isinstance(first, (tuple, list)) else (first,)
    return tuple(getattr(part, "values", (part,))[0] for part in parts)


class _PlainPyDataset(keras.utils.PyDataset):
    """Another `PyDataset`, whose batches are in a form that Keras takes."""

    def __init__(self, dataset, checks):
        super().__init__(
            workers=dataset.workers,
            use_multiprocessing=dataset.use_multiprocessing,
            max_queue_size=dataset.max_queue_size,
        )
        self.dataset = dataset
        self.checks = checks

    @property
    def num_batches(self):
        return self.dataset.num_batches

    def __getitem__(self, index):
        with self.checks.kept_failure():
            return self.checks.plain(self.dataset[index])

    def on_epoch_end(self):
        self.dataset.on_epoch_end()


def _of_iterable(iterable, checks):
    iterator = iter(iterable)
    ends_once = iterator is iterable
    first = next(iterator, None)
    if first is None:
        return None, None
    first = checks.plain(first)
    left = itertools.chain([first], map(checks.plain, iterator))

    def batches():
        batch = None
        with checks.kept_failure():
            for batch in left if ends_once else map(checks.plain, iterable):
                yield batch
            if batch is None:
                raise ValueError(
                    f"Argument `{checks.argument}` should give batches for every "
                    "epoch: set the steps of each, or make it a `tf.data.Dataset` or "
                    "a `keras.utils.PyDataset`. Received: a "
                    f"{type(iterable).__name__} that is at its end"
                )

    signature = tuple(
        tf.TensorSpec((None, *shape), "float32")
        for shape in (checks.image_shape, *checks.form)
    )
    dataset = tf.data.Dataset.from_generator(batches, output_signature=signature)
    return dataset.prefetch(tf.data.AUTOTUNE), first
