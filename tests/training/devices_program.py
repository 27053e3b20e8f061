"""Trains every kind of explainer on 1 device, on 2, or as one worker of 2.

    python devices_program.py one|two|worker RESULT.npz KIND...
    python devices_program.py long RESULT.npz BACKUP

A worker reads `TF_CONFIG`; "long" is one of many steps, and goes on from its backup.
What each training ends with is written to RESULT.npz.
The tests' folders should be in `PYTHONPATH`.
"""

import sys

import keras
import numpy as np
import tensorflow as tf
from conftest import random_images
from conftest import tiny_classifier
from explainer_kinds import EXPLAINERS

from keras_explainer.callbacks import MaskQuality

BATCH = 16
EPOCHS = 6


def strategy_of(devices):
    if devices in ("worker", "long"):
        return tf.distribute.MultiWorkerMirroredStrategy()
    if devices == "one":
        return tf.distribute.get_strategy()
    cpu = tf.config.list_physical_devices("CPU")[0]
    two = [tf.config.LogicalDeviceConfiguration()] * 2
    tf.config.set_logical_device_configuration(cpu, two)
    return tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])


def batches(count):
    labels = np.eye(3, dtype="float32")[np.arange(count) % 3]
    weights = 1 + np.arange(count, dtype="float32") % 2
    data = random_images(count, seed=1), labels, weights
    return tf.data.Dataset.from_tensor_slices(data).batch(BATCH)


def train(kind, strategy, counts):
    keras.utils.set_random_seed(0)
    with strategy.scope():
        explainer = EXPLAINERS[kind](tiny_classifier())
        # A device makes composites of its own images.
        options = {"composites": 0.0} if kind == "explainer" else {}
        explainer.compile(
            keras.optimizers.SGD(0.1),
            metrics=[keras.metrics.CategoricalAccuracy()],
            **options,
        )
    masks = np.zeros((4, 32, 32), bool)
    masks[:, 8:24, 8:24] = True
    quality = MaskQuality(random_images(4), [0, 1, 2, 0], masks)
    results = {}
    for count in counts:
        history = explainer.fit(
            batches(count),
            validation_data=batches(20),
            verbose=0,
            callbacks=[quality],
        ).history
        for name, values in history.items():
            results[f"{kind}/{count}/{name}"] = values
        for number, weight in enumerate(explainer.get_weights()):
            results[f"{kind}/{count}/weight {number}"] = weight
    return results


def train_long(strategy, folder):
    keras.utils.set_random_seed(0)
    is_chief = strategy.cluster_resolver.task_id == 0
    with strategy.scope():
        explainer = EXPLAINERS["explainer"](tiny_classifier())
    backup = keras.callbacks.BackupAndRestore(
        folder,
        save_freq="epoch" if is_chief else sys.maxsize,  # The others only restore.
        delete_checkpoint=is_chief,
    )
    history = explainer.fit(
        batches(10 * BATCH), epochs=EPOCHS, callbacks=[backup], verbose=0
    ).history
    weights = {f"weight {i}": w for i, w in enumerate(explainer.get_weights())}
    return {"loss": history["loss"], **weights}


def main(devices, path, *kinds):
    strategy, results = strategy_of(devices), {}
    if devices == "long":
        results, kinds = train_long(strategy, *kinds), ()
    for kind in kinds:
        # One step; then one more, and one on a batch that leaves a device nothing.
        results.update(train(kind, strategy, (BATCH, BATCH + 1)))
    np.savez(path, **results)


if __name__ == "__main__":
    main(*sys.argv[1:])
