"""Batches that come one after the other, as Keras takes them without `tf.data`."""

import keras


class Batches(keras.utils.PyDataset):
    """A dataset of whatever can be read from its start again.

    Args:
        batches: Function without arguments that returns an iterator of batches.
        count: int, batches of an epoch, or None: as many as are asked for.
    """

    def __init__(self, batches, count):
        super().__init__()
        self.batches = batches
        self.count = count
        self.iterator, self.taken = None, 0

    @property
    def num_batches(self):
        return self.count

    def __getitem__(self, index):
        # Whatever the index: batches that come as they come have no order of their own.
        if self.iterator is None or self.taken == self.count:
            self._start()
        self.taken += 1
        try:
            return next(self.iterator)
        except StopIteration:
            self._start()
            return next(self.iterator)

    def _start(self):
        self.iterator, self.taken = self.batches(), 0


def dataset_of(batches, forms, count):
    """Returns batches as `fit` takes them.

    Args:
        batches: Function without arguments that returns an iterator of tuples of
            arrays, or of tuples of them.
        forms: Tuple of the forms of these arrays, in their structure: each a pair of
            its shape, None where it is open, and of its type.
        count: Function without arguments that returns how many batches an epoch has,
            or None: as many as are asked for.
    """
    return Batches(batches, count())
