"""The forms that users have data in, as what Keras takes and what `explain` reads."""

import collections.abc
import dataclasses
import itertools
import typing

import keras
import numpy as np

from keras_explainer import backend
from keras_explainer.inputs.data_checks import DataChecks
from keras_explainer.inputs.data_checks import without_missing
from keras_explainer.inputs.images import check_image_shape
from keras_explainer.inputs.images import short_repr
from keras_explainer.inputs.labels import as_labels
from keras_explainer.inputs.tensorflow_data import is_dataset
from keras_explainer.inputs.tensorflow_data import is_distributed
from keras_explainer.inputs.tensorflow_data import is_endless
from keras_explainer.inputs.tensorflow_data import is_tensor
from keras_explainer.inputs.tensorflow_data import packed


@dataclasses.dataclass
class Data:
    """Images, labels and weights, as Keras takes them.

    Args:
        x: Array or tensor of all images, a `tf.data.Dataset` or a `PyDataset`. Where
            the classifier has several inputs, all of them stand for the images.
        y: Array or tensor of all labels, or None.
        sample_weight: Array or tensor of all weights, or None.
        first: Tuple of the images, labels and weights of the first batch.
        checks: `DataChecks`, which keeps an error that came up while data were read.
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
    inputs=None,
):
    """Reads data in any form, and checks what can be known before the first step.

    Args:
        x: Images: array, tensor, variable or list; or batches of images, (images,
            labels), (images, labels, weights) or dicts with such keys: a
            `tf.data.Dataset`, a `PyDataset`, a generator or anything to iterate over.
        y: Labels, where x is no more than images, or None.
        sample_weight: Array or tensor (N,), or None. Weights, likewise.
        image_shape: Tuple (H, W, channels) that is expected, None where it is open.
        num_classes: int. Number of classes C.
        argument: String. Name of `x`, for the errors.
        end: Tuple (String, int). Name and value of the argument that ends what has no
            end.
        leaves_masks: Boolean. Whether the third part of batches is left out, since it
            is true masks.
        inputs: `ModelInputs` of the classifier; by default images alone.

    Returns:
        `Data`.

    Raises:
        ValueError: If the data are in none of these forms, or do not suit the
            classifier.
    """
    checks = DataChecks(argument, image_shape, num_classes, leaves_masks, inputs)
    if not is_batched(x):
        images, labels, weights = checks.parts(x, whole=True, has_labels=y is not None)
        if labels is not None and y is not None:
            raise ValueError(
                f"Argument `y` should be None where `{argument}` holds labels of its "
                f"own. Received: {short_repr(y)}"
            )
        y_name = None if y is None else "y"
        weight_name = None if sample_weight is None else "sample_weight"
        arrays = (
            checks.inputs.as_arrays(images, argument),
            as_labels(labels if y is None else y, y_name or argument),
            as_labels(weights if sample_weight is None else sample_weight),
        )
        checks.check_batch(*arrays, y=y_name, sample_weight=weight_name)
        first = checks.inputs.rows(arrays[0], slice(32))
        return Data(*arrays, first=(first, *arrays[1:]), checks=checks)
    for name, value in (("y", y), ("sample_weight", sample_weight)):
        if value is not None:
            raise ValueError(
                f"Argument `{name}` should be None, since `{argument}` gives batches: "
                "let each be (images, labels) or (images, labels, weights). "
                f"Received: {short_repr(value)}"
            )
    if is_dataset(x):
        x, first = _of_dataset(x, checks, end)
    elif is_distributed(x):
        first = _first_of_distributed(x)
    elif isinstance(x, keras.utils.PyDataset):
        x = _PlainPyDataset(x, checks)
        first = None if x.num_batches == 0 else x[0]
    else:
        x, first = _of_iterable(x, checks, end)
    if first is None:
        raise ValueError(
            f"Argument `{argument}` should hold at least one image. Received: an empty "
            "set"
        )
    first = (*first, None, None)[:3]
    checks.check_batch(checks.inputs.as_arrays(first[0], argument), *first[1:])
    return Data(x, first=first, checks=checks)


def read_images(images, image_shape, inputs=None):
    """Returns all images of what `explain` takes, as one array or tensor.

    Args:
        images: As for `read_data`; labels and weights are left out.
        image_shape: Tuple (H, W, channels) that is expected, None where it is open.
        inputs: `ModelInputs` of the classifier; by default images alone. Of several,
            the tuple of all of them is returned, in order.

    Raises:
        ValueError: If the images are in none of these forms.
    """
    checks = DataChecks("images", inputs=inputs)
    if not is_batched(images):
        images = checks.parts(images, whole=True)[0]
    if not is_batched(images):
        return checks.inputs.as_arrays(images)
    batches = images
    if is_dataset(images):
        checks.check_spec(images.element_spec)
        _check_end(images, "images", "`dataset.take(count)`")
    elif isinstance(images, keras.utils.PyDataset):
        batches = map(images.__getitem__, range(images.num_batches))
    batches = [checks.inputs.as_arrays(checks.parts(batch)[0]) for batch in batches]
    if not batches:
        raise ValueError(
            "Argument `images` should hold at least one. Received: an empty set"
        )
    pictures, others = zip(*map(checks.inputs.split, batches))
    for batch in pictures:
        check_image_shape(batch.shape, image_shape, "images")
    shapes = sorted({tuple(batch.shape[1:]) for batch in pictures})
    if len(shapes) > 1:
        raise ValueError(
            "Argument `images` should be of one size in all batches; explain them "
            f"batch by batch. Received: {shapes[0]} and {shapes[1]}"
        )
    others = tuple(np.concatenate([*map(np.asarray, parts)]) for parts in zip(*others))
    return checks.inputs.joined(np.concatenate([*map(np.asarray, pictures)]), others)


def is_batched(x):
    """Returns whether something gives batch after batch, and is no images itself."""
    if is_dataset(x) or is_distributed(x):
        return True
    whole = (list, tuple, str, bytes, collections.abc.Mapping, keras.KerasTensor)
    if isinstance(x, whole) or hasattr(x, "__array__") or is_tensor(x):
        return False
    return hasattr(x, "__iter__") or isinstance(x, keras.utils.PyDataset)


def _check_end(dataset, argument, steps):
    if is_endless(dataset):
        raise ValueError(
            f"Argument `{argument}` should have an end; set one by {steps}. Received: "
            "a dataset that repeats for ever"
        )


def _of_dataset(dataset, checks, end):
    checks.check_spec(dataset.element_spec)
    name, value = end
    if value is None:
        _check_end(dataset, checks.argument, f"`{name}=...`")
    first = next(iter(dataset.take(1)), None)
    if first is None:
        return dataset, None
    first = without_missing(*checks.parts(first))
    ranks = keras.tree.map_structure(lambda part: len(part.shape), first)
    spec = dataset.element_spec
    known = without_missing(*checks.parts(spec))
    is_plain = spec in (known, known[0])
    open_ranks = [part.shape.rank is None for part in keras.tree.flatten(known)]
    if is_plain and not any(open_ranks):
        return dataset, first

    def parts_of(element):
        return without_missing(*checks.parts(element))

    return packed(dataset, parts_of, ranks), first


def _first_of_distributed(dataset):
    first = next(iter(dataset), None)
    if first is None:
        return None
    parts = tuple(first) if isinstance(first, (tuple, list)) else (first,)
    return keras.tree.map_structure(lambda x: getattr(x, "values", (x,))[0], parts)


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
            return self.checks.as_arrays(self.dataset[index])

    def on_epoch_end(self):
        self.dataset.on_epoch_end()


def _of_iterable(iterable, checks, end):
    iterator = iter(iterable)
    ends_once = iterator is iterable
    first = next(iterator, None)
    if first is None:
        return None, None
    first = checks.as_arrays(first)
    left = itertools.chain([first], map(checks.as_arrays, iterator))

    def batches():
        batch = None
        with checks.kept_failure():
            for batch in left if ends_once else map(checks.as_arrays, iterable):
                yield batch
            if batch is None:
                raise ValueError(
                    f"Argument `{checks.argument}` should give batches for every "
                    "epoch: set the steps of each, or make it a `tf.data.Dataset` or "
                    "a `keras.utils.PyDataset`. Received: a "
                    f"{type(iterable).__name__} that is at its end"
                )

    others = checks.inputs.split(first[0])[1]
    others = tuple(((None, *x.shape[1:]), x.dtype.name) for x in others)
    forms = (
        checks.inputs.joined(((None, *checks.image_shape), "float32"), others),
        *(((None, *shape), "float32") for shape in checks.form),
    )

    def count():
        name, steps = end
        if steps is not None:
            return None
        if ends_once:
            raise ValueError(
                f"Argument `{checks.argument}` should tell how many batches it gives, "
                f"except on TensorFlow: by `{name}=...`, or as a loader that can be "
                f"read again. Received: a {type(iterable).__name__}"
            )
        has_length = hasattr(iterable, "__len__")
        return len(iterable) if has_length else sum(1 for _ in iterable)

    return backend.dataset_of(batches, forms, count), first
