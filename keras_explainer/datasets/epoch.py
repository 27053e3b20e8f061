"""Orders that depend on the number of the epoch and on nothing else."""

import itertools

import numpy as np
import tensorflow as tf


class Epoch:
    """The number of the epoch that a dataset is gone through for.

    By itself it counts how often that was begun. A training that goes on where it was
    interrupted sets `number`, and has each epoch's order as it would have been.
    """

    number = None

    def each(self, make, seed):
        """Makes a dataset anew for every epoch.

        Args:
            make: Function from the seed of an epoch, an int64 tensor (), to a
                `tf.data.Dataset`.
            seed: int, that of all epochs.
        """
        begun = itertools.count()

        def seed_of_epoch():
            number = next(begun) if self.number is None else self.number
            return np.int64(1_000_003 * seed + number)

        def dataset(_):
            drawn = tf.numpy_function(seed_of_epoch, [], tf.int64)
            return make(tf.ensure_shape(drawn, ()))

        return tf.data.Dataset.range(1).flat_map(dataset)
