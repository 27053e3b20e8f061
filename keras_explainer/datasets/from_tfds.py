"""Any data set of TensorFlow Datasets that has images and labels."""

import io

import numpy as np
from PIL import Image

from keras_explainer.datasets.build_dataset import build_dataset
from keras_explainer.datasets.build_dataset import element_spec
from keras_explainer.datasets.dataset_arguments import as_size
from keras_explainer.datasets.dataset_arguments import check_limit
from keras_explainer.datasets.dataset_arguments import check_shard
from keras_explainer.datasets.tfds_features import feature_at
from keras_explainer.datasets.tfds_features import find_places
from keras_explainer.datasets.tfds_features import value_at
from keras_explainer.datasets.tfds_features import wanted_features
from keras_explainer.files.open_picture import open_picture
from keras_explainer.files.read_picture import read_picture
from keras_explainer.files.resize_picture import check_resizing
from keras_explainer.files.resize_picture import resize_mask
from keras_explainer.files.resize_picture import resize_picture
from keras_explainer.void import VOID

_SHUFFLED = 1000  # examples, among which the next one is drawn
# Of this package's own, the masks say which class is where.
_OWN = ("voc_masks", "coco_masks")
# Lowest and highest value of the object in the masks of data sets that do not just
# use 0 for background, and the value that is void.
_OBJECT_VALUES = {"oxford_iiit_pet": (1, 1, 3), "caltech_birds2011": (128, 255, None)}


def from_tfds(
    name,
    split="train",
    *,
    image_size=224,
    batch_size=32,
    masks=False,
    shuffle=None,
    seed=0,
    preprocess_input=None,
    cache=False,
    limit=None,
    augment=False,
    resizing="squash",
    shard=None,
    data_dir=None,
    manual_dir=None,
):
    """Loads images, labels and masks of a data set of TensorFlow Datasets.

    The labels are the feature `label`, `labels` or the labels of `objects`. The mask
    is the feature `mask` or `segmentation_mask`, or else the boxes, filled, in
    `bbox` or `objects`. `voc_masks/2007`, `voc_masks/2012`, `coco_masks/2014` and
    `coco_masks/2017` are those of this package. What was not prepared yet is
    downloaded.

    Args:
        name: String, as for `tfds.load`, such as `"oxford_iiit_pet"`.
        split: String, as for `tfds.load`. Defaults to `"train"`.
        image_size: int or `(height, width)` in pixels. Defaults to 224.
        batch_size: int, or None for single examples. Defaults to 32.
        masks: Boolean. Whether to add the mask to each element. Defaults to False.
        shuffle: Boolean. Whether to reshuffle in each epoch. Defaults to True for
            splits whose name begins with "train", else False.
        seed: int, of shuffling and augmentation. Defaults to 0.
        preprocess_input: Function applied to the float images, such as
            `keras.applications.mobilenet.preprocess_input`. Defaults to None.
        cache: Boolean. Whether to keep the resized examples in memory as uint8.
            Defaults to False.
        limit: int, to take only the first examples of the split. Defaults to None.
        augment: Boolean. Whether to mirror at random and to crop between half of the
            image and all of it, image and mask alike. The labels stay as they are.
            Defaults to False.
        resizing: String, how an image gets to `image_size`: "squash" changes its aspect
            ratio, "crop" keeps the middle, "pad" adds black bars, which are void in
            the mask. Defaults to "squash".
        shard: `(index, count)`, to load only the `index`-th of `count` parts, which
            together are everything; for several workers. Defaults to None.
        data_dir: Path of the prepared data. Defaults to that of `tfds`.
        manual_dir: Path of what was downloaded by hand. Defaults to that of `tfds`.

    Returns:
        A `tf.data.Dataset` with attribute `class_names`, of elements
        `(image, labels)` or `(image, labels, mask)`:

        - image: float32 `(H, W, 3)`, RGB in 0..255 unless preprocessed.
        - labels: float32 `(C,)`, 1 for each class that is present.
        - mask: uint8 `(H, W)`, 0 for background, `i + 1` for class index `i`, 255
          for void and for crowds.

    Raises:
        ValueError: If there is no such data set, or it lacks images, labels, or the
            masks that are asked for.

    Example:

    ```python
    pets = kx.datasets.from_tfds("oxford_iiit_pet", "test", masks=True)
    results = kx.evaluation.evaluate_methods(explainer, pets)
    ```
    """
    size = as_size(image_size)
    check_limit(limit)
    check_resizing(resizing)
    if shard is not None:
        check_shard(shard)
    builder = _known_builder(name, data_dir)
    features = builder.info.features
    places = find_places(features, name, masks)
    class_names = feature_at(features, places[1]).names
    if masks and len(class_names) > VOID - 1:
        raise ValueError(
            f"Argument `masks` should be False for more than {VOID - 1} classes, since "
            f"masks have 8 bits. Received: masks=True for {len(class_names)} classes"
        )
    if shuffle is None:
        shuffle = split.startswith("train")
    _prepare(builder, manual_dir)
    examples = _read_examples(builder, places, split, shard, shuffle, seed)
    if limit is not None:
        examples = examples.take(limit)
    short_name = name.split("/")[0].split(":")[0]
    of_boxes = [key for _, key in places[3:]]
    return build_dataset(
        examples,
        ExampleReader(short_name, len(class_names), size, resizing, of_boxes),
        element_spec(size, class_names, masks=masks),
        class_names=class_names,
        batch_size=batch_size,
        preprocess_input=preprocess_input,
        cache=cache,
        shuffle=_SHUFFLED if shuffle else 0,
        augment=augment,
        seed=seed,
    )


def find_builder(name, data_dir):
    """Returns the `tfds.core.DatasetBuilder` of a name, this package's own included."""
    import tensorflow_datasets as tfds

    from keras_explainer.datasets import coco_masks  # noqa: F401, registers it
    from keras_explainer.datasets import voc_masks  # noqa: F401

    return tfds.builder(name, data_dir=data_dir)


def _known_builder(name, data_dir):
    import tensorflow_datasets as tfds

    try:
        return find_builder(name, data_dir)
    except tfds.core.DatasetNotFoundError as error:
        raise ValueError(
            "Argument `name` should be a data set that TensorFlow Datasets knows. "
            f"Received: name={name!r}"
        ) from error


def _prepare(builder, manual_dir):
    import tensorflow_datasets as tfds

    config = tfds.download.DownloadConfig(manual_dir=manual_dir)
    builder.download_and_prepare(download_config=config)


def _read_examples(builder, places, split, shard, shuffle, seed):
    """Returns a dataset of tuples of the features at the places."""
    import tensorflow_datasets as tfds

    # What is a picture is decoded here, as from any file.
    undecoded = {
        place[0]: tfds.decode.SkipDecoding()
        for place in places
        if isinstance(builder.info.features[place[0]], tfds.features.Image)
    }
    examples = builder.as_dataset(
        split=tfds.even_splits(split, shard[1])[shard[0]] if shard else split,
        decoders=tfds.decode.PartialDecoding(
            wanted_features(places), decoders=undecoded
        ),
        read_config=tfds.ReadConfig(shuffle_seed=seed, try_autocache=False),
        shuffle_files=shuffle,
    )
    return examples.map(
        lambda example: tuple(value_at(example, place) for place in places)
    )


class ExampleReader:
    """Turns an image as bytes, its labels and its mask or boxes into arrays.

    Args:
        name: String, of the data set, which decides what the values of a mask mean.
        num_classes: int.
        size: `(height, width)`.
        resizing: String.
        known: what follows the boxes, out of "label" and "is_crowd".
    """

    def __init__(self, name, num_classes, size, resizing, known=()):
        self.name, self.known = name, list(known)
        self.num_classes = num_classes
        self.size, self.resizing = size, resizing

    def __call__(self, image, labels, regions=None, *of_boxes):
        image = read_picture(io.BytesIO(image))
        indices = np.ravel(labels)
        row = np.zeros(self.num_classes, "float32")
        row[indices] = 1
        example = resize_picture(image, self.size, self.resizing), row
        if regions is None:
            return example
        if isinstance(regions, bytes):
            mask = self.read_mask(regions, indices)
        else:
            boxes = np.reshape(regions, (-1, 4))
            known = dict(zip(self.known, of_boxes))
            classes = known.get("label", indices)
            if len(classes) not in (1, len(boxes)):
                raise ValueError(
                    f"The boxes of {self.name} should have a class each. Received: "
                    f"{len(boxes)} boxes and {len(classes)} labels"
                )
            mask = fill_boxes(boxes, classes, image.size[::-1], known.get("is_crowd"))
        if mask.shape != image.size[::-1]:
            raise ValueError(
                f"The masks of {self.name} should have the size of their images, "
                f"{image.size[::-1]}. Received: {mask.shape}"
            )
        mask = resize_mask(Image.fromarray(mask), self.size, self.resizing)
        return *example, mask

    def read_mask(self, content, indices):
        with open_picture(io.BytesIO(content)) as mask:
            values = np.asarray(mask)
        # So they do in others where an image has several labels.
        if self.name in _OWN or len(indices) != 1:
            return np.where((values > self.num_classes) & (values != VOID), 0, values)
        low, high, void = _OBJECT_VALUES.get(self.name, (1, 255, None))
        inside = (values >= low) & (values <= high)
        mask = np.where(inside, indices[0] + 1, 0)
        return np.where(values == void, VOID, mask).astype("uint8")


def fill_boxes(boxes, indices, size, crowds=None):
    """Returns a mask of filled boxes, smaller ones on top.

    Args:
        boxes: float array `(n, 4)` of ymin, xmin, ymax, xmax, from 0 to 1.
        indices: int array, the class of each box, or the one of all.
        size: `(height, width)`.
        crowds: Boolean array, whether each box is of a crowd, which is void and lies
            below all others; or None.
    """
    mask = np.zeros(size, "uint8")
    area = (boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])
    corners = np.rint(boxes * np.tile(size, 2)).astype(int)
    values = np.broadcast_to(indices, len(boxes)) + 1
    crowds = np.zeros(len(boxes), bool) if crowds is None else np.ravel(crowds)
    for i in np.lexsort((-area, ~crowds)):
        top, left, bottom, right = corners[i]
        mask[top:bottom, left:right] = VOID if crowds[i] else values[i]
    return mask
