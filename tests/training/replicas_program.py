"""Calls what devices share of a step on two devices, of which one has no image.

    python replicas_program.py RESULT.npz

The tests' folders should be in `PYTHONPATH`.
"""

import sys

import numpy as np
import tensorflow as tf
from devices_program import strategy_of

from keras_explainer.backend import replicas


def main(path):
    strategy = strategy_of("two")
    batches = strategy.experimental_distribute_values_from_function(
        lambda context: tf.constant([1.0, 2.0, 6.0][: 0 if _number(context) else 3])
    )
    with strategy.scope():
        updated, left = tf.Variable(1.0), tf.Variable(1.0)

    def step(batch):
        replicas.update_if(tf.constant(True), lambda v: updated.assign_add(v[0]), [2.0])
        replicas.update_if(tf.constant(False), lambda v: left.assign_add(v[0]), [2.0])
        return {
            "drawn": replicas.drawn_per_image(
                tf.random.stateless_uniform, (2, 3), (1, 2)
            ),
            "at least one": replicas.at_least_one(batch),
            "share of mean": replicas.share_of_mean(batch),
            "sum of all": replicas.sum_of_all(tf.reduce_sum(batch)),
        }

    found = tf.function(lambda batch: strategy.run(step, args=(batch,)))(batches)
    results = {
        f"{name}/{number}": value
        for name, values in {**found, "updated": updated, "left": left}.items()
        for number, value in enumerate(strategy.experimental_local_results(values))
    }
    np.savez(path, **results)


def _number(context):
    return context.replica_id_in_sync_group


if __name__ == "__main__":
    main(*sys.argv[1:])
