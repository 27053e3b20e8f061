"""A step on the images of several devices, as if one device had them all.

Outside of `tf.distribute` there is one device, and nothing here changes anything.
"""

import tensorflow as tf


def drawn_per_image(draw, shape, seed, *arguments):
    """Draws numbers for the images of a step that this device has.

    Every device draws the numbers of all images, and takes its own.

    Args:
        draw: Function such as `tf.random.stateless_uniform`.
        shape: Tuple, with the number of this device's images first.
        seed: Pair of ints or int tensors.
        *arguments: What `draw` takes besides.

    Returns:
        Tensor of that shape.
    """
    if _replicas() == 1:
        return draw(shape, seed, *arguments)
    count, *rest = shape
    numbers = draw((_replicas() * count, *rest), seed, *arguments)
    start = tf.distribute.get_replica_context().replica_id_in_sync_group * count
    return numbers[start : start + count]


def at_least_one(batch):
    """Returns a batch with an empty image if it has none, as the last ones may.

    Args:
        batch: Tensor (N, ...), or None. Some operations of TensorFlow fail for N = 0.
    """
    if batch is None or _replicas() == 1:
        return batch
    missing = tf.maximum(1 - tf.shape(batch)[0], 0)
    return tf.pad(batch, [[0, missing], *[[0, 0]] * (len(batch.shape) - 1)])


def share_of_mean(values):
    """Returns what this device adds to the mean of all images' values.

    Devices may have different numbers of images, one of them even none.

    Args:
        values: Tensor (N,), of this device's images.

    Returns:
        Tensor (). The devices' results add up to the mean.
    """
    return tf.reduce_sum(values) / sum_of_all(tf.cast(tf.size(values), values.dtype))


def sum_of_all(value):
    """Returns the sum of the devices' values of a tensor."""
    if _replicas() == 1:
        return value
    return tf.distribute.get_replica_context().all_reduce("SUM", value)


def of_first_worker(number, explainer):
    """Returns the first worker's number to all of them, which call this at once.

    Args:
        number: int.
        explainer: What they train.
    """
    if not in_several_processes(explainer):
        return number
    strategy = explainer.distribute_strategy

    @tf.function
    def shared():
        first = tf.distribute.get_replica_context().replica_id_in_sync_group == 0
        return sum_of_all(tf.where(first, tf.constant(number, "int64"), 0))

    return int(strategy.experimental_local_results(strategy.run(shared))[0])


def _replicas():
    context = tf.distribute.get_replica_context()
    # There is none where a model is built or read, outside of a step.
    return 1 if context is None else context.num_replicas_in_sync


def update_if(condition, update, values):
    """Updates variables on all devices, or on none.

    Args:
        condition: Boolean tensor (), the same on all devices.
        update: Function of the values of a device.
        values: List of tensors, of this device.
    """

    def skip():
        return None

    if not tf.distribute.has_strategy():
        tf.cond(condition, lambda: update(values), skip)
        return

    # An optimizer leaves the context of a device for that of all, which it cannot do
    # from within a branch: so the branch comes first, and the devices inside of it.
    def of_all(strategy, condition, values):
        def update_all():
            strategy.extended.call_for_each_replica(update, args=(values,))

        condition = strategy.experimental_local_results(condition)[0]
        tf.cond(condition, update_all, skip)

    context = tf.distribute.get_replica_context()
    context.merge_call(of_all, args=(condition, values))


def device_scope(explainer):
    """Returns the context in which the variables of an explainer are made."""
    return explainer.distribute_strategy.scope()


def in_several_processes(explainer):
    """Returns whether an explainer trains in several processes."""
    strategy = explainer.distribute_strategy
    if not isinstance(strategy, tf.distribute.MultiWorkerMirroredStrategy):
        return False
    return strategy.num_replicas_in_sync > len(strategy.extended.worker_devices)
