"""Measures whether a long training grows: resident memory over the steps.

    python benchmarks/long_run_memory.py

A small classifier and pictures drawn without end, in epochs of 100 steps.
"""

import argparse
import pathlib

import keras
from keras import layers

import keras_explainer as kx

PAGE = 4096  # bytes, on Linux


def resident():
    """Returns the memory of this process in MiB."""
    pages = int(pathlib.Path("/proc/self/statm").read_text().split()[1])
    return pages * PAGE / 2**20


def small_classifier(size, classes=8):
    images = keras.Input((size, size, 3))
    x = layers.Rescaling(1 / 127.5, -1)(images)
    for filters in (8, 16, 32):
        x = layers.Conv2D(filters, 3, strides=2, padding="same", activation="relu")(x)
    x = layers.GlobalAveragePooling2D()(x)
    return keras.Model(images, layers.Dense(classes, activation="sigmoid")(x))


class Memory(keras.callbacks.Callback):
    """Tells the memory after every epoch."""

    def __init__(self):
        super().__init__()
        self.after = {}

    def on_epoch_end(self, epoch, logs=None):
        steps = int(self.model.optimizer.iterations)
        self.after[steps] = resident()
        print(f"after {steps:6} steps {self.after[steps]:8.1f} MiB", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--steps", default=2000, type=int)
    parser.add_argument("--size", default=64, type=int)
    parser.add_argument("--batch", default=8, type=int)
    arguments = parser.parse_args()
    images = kx.datasets.shapes(image_size=arguments.size, batch_size=arguments.batch)
    memory = Memory()
    kx.ExplainerModel(small_classifier(arguments.size)).fit(
        images,
        steps_per_epoch=100,
        epochs=max(3, arguments.steps // 100),
        verbose=0,
        callbacks=[memory],
    )
    start, end = memory.after[200], memory.after[max(memory.after)]
    print(
        f"growth from step 200 to {max(memory.after)}: {100 * (end / start - 1):.2f} %"
    )


if __name__ == "__main__":
    main()
