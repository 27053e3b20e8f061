"""Pictures of shapes with exact masks, drawn on the fly: no download, no files."""

import functools
import math

import numpy as np
import tensorflow as tf

from keras_explainer.datasets import drawing
from keras_explainer.datasets.build_dataset import build_dataset
from keras_explainer.datasets.build_dataset import element_spec
from keras_explainer.datasets.dataset_arguments import as_size

SHAPES_CLASSES = list(drawing.SHAPES)
VISIBLE_SHARE = 0.8  # of an object, which later objects must leave visible


def shapes(
    num_examples=None,
    *,
    image_size=128,
    batch_size=32,
    objects=(2, 4),
    seed=0,
    masks=False,
    preprocess_input=None,
):
    """Draws multi-label pictures of eight shapes, with a mask exact to the pixel.

    Every object has a random class, size, rotation, colour and texture on a
    cluttered background. Classes are drawn independently of each other and of
    everything else, so only the outline of an object tells its class. Later
    objects hide at most a fifth of an earlier one, and are left out where a picture
    is too full for that.

    Args:
        num_examples: int or None. None draws pictures without end; an int gives
            that many, the same ones in each epoch, kept in memory as uint8.
            Defaults to None.
        image_size: int or `(height, width)` in pixels. Defaults to 128.
        batch_size: int, or None for single examples. Defaults to 32.
        objects: `(least, most)` number of objects in a picture, at least 1.
            Defaults to `(2, 4)`.
        seed: int, not negative. Example `i` depends on `seed` and `i` only; two
            seeds have no example in common. Defaults to 0.
        masks: Boolean. Whether to add the mask to each element. Defaults to False.
        preprocess_input: Function applied to the float images, such as
            `keras.applications.mobilenet.preprocess_input`. Defaults to None.

    Returns:
        A `tf.data.Dataset` with attribute `class_names`, of elements
        `(image, labels)` or `(image, labels, mask)`:

        - image: float32 `(H, W, 3)`, RGB in 0..255 unless preprocessed.
        - labels: float32 `(8,)`, 1 for each class with a visible pixel.
        - mask: uint8 `(H, W)`, 0 for background, `i + 1` for class index `i`.

    Raises:
        ValueError: If an argument is out of range.

    Example:

    >>> ds = shapes(64, masks=True)
    >>> ds.class_names[:3]
    ['circle', 'crescent', 'cross']
    >>> images, labels, masks = next(iter(ds))
    >>> images.shape, labels.shape, masks.shape
    (TensorShape([32, 128, 128, 3]), TensorShape([32, 8]), TensorShape([32, 128, 128]))
    """
    size = as_size(image_size)
    if num_examples is not None and num_examples < 1:
        raise ValueError(
            "Argument `num_examples` should be a positive integer or None. "
            f"Received: num_examples={num_examples}"
        )
    if len(objects) != 2 or not 1 <= objects[0] <= objects[1]:
        raise ValueError(
            "Argument `objects` should be a pair (least, most) with "
            f"1 <= least <= most. Received: objects={objects}"
        )
    if seed < 0:
        raise ValueError(f"Argument `seed` should be 0 or more. Received: seed={seed}")

    def load(index):
        example = draw_example(index, size=size, objects=objects, seed=seed)
        return example if masks else example[:2]

    if num_examples is None:
        indices = tf.data.Dataset.counter()
    else:
        indices = tf.data.Dataset.range(num_examples)
        load = functools.cache(load)
    return build_dataset(
        indices,
        load,
        element_spec(size, SHAPES_CLASSES, masks=masks),
        class_names=SHAPES_CLASSES,
        batch_size=batch_size,
        preprocess_input=preprocess_input,
    )


def draw_example(index, *, size=(128, 128), objects=(2, 4), seed=0):
    """Draws example `index`: uint8 image, float32 labels and uint8 mask."""
    rng = np.random.default_rng([seed, index])
    image = drawing.draw_background(rng, size)
    layers = np.zeros(size, "int64")  # the number of the object on top, 0 for none
    classes, areas = [0], [0]  # of the objects so far; number 0 is the background
    for _ in range(rng.integers(objects[0], objects[1] + 1)):
        class_index = rng.integers(len(SHAPES_CLASSES))
        found = place_shape(rng, SHAPES_CLASSES[class_index], layers, areas)
        if found is None:
            continue
        place, x, y, distance, radius = found
        drawing.paint(rng, image[place], x, y, distance, radius)
        inside = distance <= 0
        layers[place][inside] = len(classes)
        classes.append(class_index + 1)
        areas.append(np.count_nonzero(inside))
    mask = np.array(classes, "uint8")[layers]
    pixels = np.bincount(mask.ravel(), minlength=len(SHAPES_CLASSES) + 1)
    labels = (pixels[1:] > 0).astype("float32")
    image = np.clip(image + 0.5, 0, 255).astype("uint8").transpose(1, 2, 0)
    return np.ascontiguousarray(image), labels, mask


def place_shape(rng, name, layers, areas):
    """Looks for a place for a shape that leaves the earlier ones recognisable.

    Returns the window of the picture that it lies in, the window's x and y in the
    shape's own frame, its signed distance there, and its radius, all in pixels; None
    if the picture is too full.
    """
    unit = min(layers.shape)
    largest = unit * rng.uniform(0.14, 0.26)
    angle = rng.uniform(0, 2 * math.pi)
    shown = np.bincount(layers.ravel(), minlength=len(areas))
    needed = VISIBLE_SHARE * np.array(areas)
    for radius in np.linspace(largest, unit * 0.1, 50).tolist():
        centre = [rng.uniform(radius, length - radius) for length in layers.shape]
        place = drawing.window(layers.shape, centre, (radius, radius))
        x, y = drawing.coordinates(place, centre, angle)
        distance = radius * drawing.SHAPES[name](x / radius, y / radius)
        hidden = np.bincount(layers[place][distance <= 0], minlength=len(areas))
        if np.all(shown - hidden >= needed):
            return place, x, y, distance, radius
    return None
