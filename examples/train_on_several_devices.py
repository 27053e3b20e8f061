"""Trains an Explainer on all devices of a machine, or of all machines of a cluster.

    python examples/train_on_several_devices.py --classifier pets.keras --data photos

Where `TF_CONFIG` names a cluster, the same command is started on every machine, with a
folder `--out` that all of them see. Started again after a machine was lost, training
goes on after the last finished epoch.
"""

import argparse
import os
import pathlib
import sys

import keras
import tensorflow as tf

import keras_explainer as kx


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--classifier", required=True, help="a .keras file")
    parser.add_argument("--data", required=True, help="a folder of pictures")
    parser.add_argument("--epochs", default=10, type=int)
    parser.add_argument("--batch-size", default=16, type=int, help="of each device")
    parser.add_argument("--out", default="runs/several", type=pathlib.Path)
    arguments = parser.parse_args()
    # Before anything else of TensorFlow: workers have to find each other first.
    in_cluster = "TF_CONFIG" in os.environ
    distribute = tf.distribute
    strategy = (
        distribute.MultiWorkerMirroredStrategy()
        if in_cluster
        else distribute.MirroredStrategy()
    )
    is_chief = not in_cluster or strategy.cluster_resolver.task_id == 0

    keras.utils.set_random_seed(0)  # The same weights on every machine.
    with strategy.scope():
        classifier = keras.saving.load_model(arguments.classifier, compile=False)
        explainer = kx.ExplainerModel(classifier)
    images = kx.datasets.image_folder(
        arguments.data,
        image_size=explainer.frozen.image_shape[:2],
        batch_size=arguments.batch_size * strategy.num_replicas_in_sync,
        preprocess_input=explainer.preprocessing,
        shuffle=True,
    ).map(lambda images, *labels: images)  # Explains the classifier's own answers.
    backup = keras.callbacks.BackupAndRestore(
        arguments.out / "backup",
        save_freq="epoch" if is_chief else sys.maxsize,  # The others only restore.
        delete_checkpoint=is_chief,
    )
    explainer.fit(
        images,
        epochs=arguments.epochs,
        callbacks=[backup],
        verbose=2 if is_chief else 0,
    )
    if is_chief:
        explainer.save(arguments.out / "explainer.keras")


if __name__ == "__main__":
    main()
