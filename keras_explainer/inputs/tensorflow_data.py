"""What users may hand over of TensorFlow, on every backend, without importing it."""

import sys


def is_dataset(x):
    """Returns whether something is a `tf.data.Dataset`."""
    tf = sys.modules.get("tensorflow")
    return tf is not None and isinstance(x, tf.data.Dataset)


def is_distributed(x):
    """Returns whether something is a `tf.distribute.DistributedDataset`."""
    tf = sys.modules.get("tensorflow")
    return tf is not None and isinstance(x, tf.distribute.DistributedDataset)


def is_ragged(x):
    """Returns whether something is a ragged tensor, or the specification of one."""
    tf = sys.modules.get("tensorflow")
    kinds = () if tf is None else (tf.RaggedTensor, tf.RaggedTensorSpec)
    return isinstance(x, kinds)


def is_tensor(x):
    """Returns whether something is a tensor of TensorFlow, or a variable of it."""
    tf = sys.modules.get("tensorflow")
    return tf is not None and tf.is_tensor(x)


def is_spec(x):
    """Returns whether something is the specification of a tensor."""
    tf = sys.modules.get("tensorflow")
    return tf is not None and isinstance(x, tf.TensorSpec)


def packed(dataset, parts_of, ranks):
    """Returns a dataset whose elements are tuples.

    Args:
        dataset: `tf.data.Dataset`.
        parts_of: Function from an element to a tuple of tensors, or of tuples of them.
        ranks: The same structure of int, how many axes each of them has. A Python
            function in a dataset loses that, which Keras needs.
    """
    tf = sys.modules["tensorflow"]

    def with_ranks(*element):
        parts = parts_of(element if len(element) > 1 else element[0])
        return tf.nest.map_structure(
            lambda part, rank: tf.ensure_shape(part, [None] * rank), parts, ranks
        )

    return dataset.map(with_ranks)


def is_endless(dataset):
    """Returns whether a `tf.data.Dataset` repeats for ever."""
    tf = sys.modules["tensorflow"]
    return int(dataset.cardinality()) == tf.data.INFINITE_CARDINALITY
