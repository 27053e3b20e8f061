"""From a function that loads one example to the `tf.data.Dataset` of a loader."""

import weakref

import numpy as np
import tensorflow as tf

from keras_explainer.datasets.epoch import Epoch


def element_spec(size, class_names, *, labels=True, masks=False):
    """The tensors of one example as they are loaded, before conversion to float."""
    spec = [tf.TensorSpec((*size, 3), tf.uint8)]
    if labels:
        spec.append(tf.TensorSpec((len(class_names),), tf.float32))
    if masks:
        spec.append(tf.TensorSpec(size, tf.uint8))
    return tuple(spec)


def build_dataset(
    inputs,
    load,
    spec,
    *,
    class_names,
    batch_size,
    preprocess_input,
    may_skip=False,
    reorder=False,
    cache=False,
    shuffle=0,
    augment=False,
    seed=0,
):
    """Maps a dataset of indices to the batches of examples that a loader returns.

    Args:
        inputs: `tf.data.Dataset` of what `load` takes, such as indices.
        load: Function of the arrays of an input that returns a tuple of arrays as in
            `spec`, or None if the example is to be left out.
        spec: Tuple of `tf.TensorSpec` from `element_spec`.
        class_names: List of strings.
        batch_size: int or None.
        preprocess_input: Function or None.
        may_skip: Boolean. Whether `load` may return None.
        reorder: Boolean. Whether to take the inputs, the indices from 0 on, in another
            order in each epoch.
        cache: Boolean. Whether to keep what was loaded in memory.
        shuffle: int, among how many loaded examples to draw the next one; 0 keeps
            their order.
        augment: Boolean. Whether to flip and crop images and masks at random.
        seed: int, of shuffling and augmentation.
    """

    def to_float(image, *rest):
        return tf.cast(image, tf.float32), *rest

    def preprocess(image, *rest):
        return preprocess_input(image), *rest

    epoch = Epoch()
    if reorder:
        count = inputs.cardinality()
        inputs = epoch.each(lambda drawn: _shuffled_indices(count, drawn), seed)
    ds = inputs.map(_fetching(load, spec), num_parallel_calls=tf.data.AUTOTUNE)
    if may_skip:
        ds = ds.filter(lambda loaded, example: loaded)
    ds = ds.map(lambda loaded, example: example)
    if cache:
        ds = ds.cache()
    if shuffle:
        ds = ds.shuffle(shuffle, seed=seed)
    if augment:
        draws = epoch.each(_seeds, seed)
        ds = tf.data.Dataset.zip(ds, draws).map(_random_view)
    ds = ds.map(to_float)
    if batch_size is not None:
        ds = ds.batch(batch_size)
    if preprocess_input is not None:
        ds = ds.map(preprocess)
    if len(spec) == 1:
        ds = ds.map(lambda image: image)
    ds = ds.prefetch(tf.data.AUTOTUNE)
    ds.class_names = list(class_names)
    ds.epoch = epoch
    ds.load = load  # what keeps it alive; iterators and derived datasets keep `ds`
    return ds


def _fetching(load, spec):
    """Returns the function of tensors that calls `load`, for `tf.data.Dataset.map`."""
    # TensorFlow keeps the function given to `numpy_function` until the process ends;
    # the examples that it caches shall go with the dataset.
    weak_load = weakref.ref(load)

    def call(*arrays):
        example = weak_load()(*arrays)
        if example is None:
            return False, *(np.zeros(s.shape, s.dtype.as_numpy_dtype) for s in spec)
        # Copies, because TensorFlow may share memory with arrays that are cached.
        return True, *(np.array(array) for array in example)

    def fetch(*tensors):
        types = [tf.bool, *(s.dtype for s in spec)]
        loaded, *example = tf.numpy_function(call, tensors, types)
        loaded.set_shape(())
        for tensor, s in zip(example, spec):
            tensor.set_shape(s.shape)
        return loaded, tuple(example)

    return fetch


def _shuffled_indices(count, seed):
    indices = tf.range(count)
    order = tf.random.experimental.stateless_shuffle(indices, tf.stack([seed, 0]))
    return tf.data.Dataset.from_tensor_slices(order)


def _seeds(seed):
    return tf.data.Dataset.counter().map(lambda number: tf.stack([seed, number]))


def _random_view(example, seed):
    """Flips and crops an image, and its mask alike, and resizes it back.

    Args:
        example: Tuple `(image, ...)`; of what follows, only a mask is changed, the
            tensors of rank 2.
        seed: int64 `(2,)`, which alone decides the flip and the crop.
    """
    area, top, left, flip = tf.unstack(tf.random.stateless_uniform([4], seed))
    side = tf.sqrt(0.5 + 0.5 * area)
    top, left = top * (1 - side), left * (1 - side)
    right = left + side
    left, right = tf.cond(flip < 0.5, lambda: (left, right), lambda: (right, left))
    box = [[top, left, top + side, right]]  # left > right reads from right to left

    def view(tensor, method):
        return tf.image.crop_and_resize(
            tensor[tf.newaxis], box, [0], tensor.shape[:2], method
        )[0]

    image, *rest = example
    rest = [
        tf.cast(view(tensor[..., tf.newaxis], "nearest")[..., 0], tensor.dtype)
        if tensor.shape.rank == 2
        else tensor
        for tensor in rest
    ]
    return view(image, "bilinear"), *rest
