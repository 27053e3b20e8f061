"""Hands bad batches to every kind of explainer, in one of the modes of a step.

    python modes_program.py graph|xla|two FAULT,... KIND...

Prints what `fit` says and how many values it changed, as a line of JSON for each kind
and fault. The tests' folders should be in `PYTHONPATH`.
"""

import json
import sys

import keras
import numpy as np
import tensorflow as tf
from conftest import random_images
from conftest import tiny_classifier
from devices_program import strategy_of
from explainer_kinds import EXPLAINERS

FAULTS = ("image", "label", "weights", "fraction", "rows")
# Their batches have the types and shapes of one trace.
ONE_TRACE = FAULTS[:3]


def bad_batches(fault):
    """Two batches, of which the second is bad."""
    images, labels = random_images(8), np.arange(8) % 3
    weights = np.ones(8, "float32")
    if fault == "image":
        images[5, 0, 0, 0] = np.nan
    elif fault == "label":
        labels[6] = 3
    elif fault == "fraction":
        labels = np.where(np.arange(8) == 6, 0.5, labels)
    elif fault == "rows":
        labels = np.eye(3, dtype="float32")[labels]
        labels[7] *= 2
    else:
        weights[5] = np.inf
    return tf.data.Dataset.from_tensor_slices((images, labels, weights)).batch(4)


class FirstStep(keras.callbacks.Callback):
    """Keeps what the model was after the first step, which is a good one."""

    def on_train_batch_end(self, batch, logs=None):
        if batch == 0:
            self.values = values(self.model)


def values(explainer):
    of_optimizer = [variable.numpy() for variable in explainer.optimizer.variables]
    return [*explainer.get_weights(), *of_optimizer]


def outcome(explainer, fault):
    after_first = FirstStep()
    try:
        explainer.fit(bad_batches(fault), callbacks=[after_first], verbose=0)
        told = "nothing"
    except (ValueError, FloatingPointError) as error:
        told = f"{type(error).__name__}: {error}"
    pairs = zip(after_first.values, values(explainer), strict=True)
    changed = sum(not np.array_equal(old, new) for old, new in pairs)
    return {"told": told, "changed": changed}


def main(mode, faults, *kinds):
    strategy = strategy_of("two" if mode == "two" else "one")
    for kind in kinds:
        keras.utils.set_random_seed(0)
        with strategy.scope():
            explainer = EXPLAINERS[kind](tiny_classifier())
            explainer.compile(jit_compile=mode == "xla")
        for fault in faults.split(","):
            found = {"kind": kind, "fault": fault, **outcome(explainer, fault)}
            print(json.dumps(found), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
