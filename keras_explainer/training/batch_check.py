"""Checks of every batch: noted inside the graph, told outside of it."""

import math

import keras
from keras import ops

from keras_explainer import backend
from keras_explainer.keras_internals import value_between_steps
from keras_explainer.value_of_variable import value_of_variable


class BatchCheck:
    """What is wrong with the batches since it was last cleared, in every mode.

    An assertion inside a step does nothing under XLA. So a step counts here what is
    wrong, and goes without its update; `BatchGuard` reads it after the step. It is
    not tracked by Keras: no weight of the model, and in no file.

    Args:
        num_classes: int, C.
    """

    PROBLEMS = ("images", "labels", "loss", "gradients")

    def __init__(self, num_classes):
        self.num_classes = num_classes
        # As floats, since a GPU keeps integer variables outside of its memory.
        self.found = backend.counts(len(self.PROBLEMS))

    def note(self, **sound):
        """Notes in a step what is sound about a batch.

        Args:
            **sound: Boolean tensor () for some of `PROBLEMS`.

        Returns:
            Boolean tensor (), the same on all devices: whether nothing is wrong with
            this batch on any of them, nor was with an earlier one.
        """
        wrong = [1.0 - ops.cast(sound.get(p, True), "float32") for p in self.PROBLEMS]
        found = self.found + backend.sum_of_all(ops.stack(wrong))
        self.found.assign(found)
        return ops.all(found == 0.0)

    def clear(self):
        self.found.assign([0.0] * len(self.PROBLEMS))

    def raise_if_found(self, model, loss=math.nan, told=""):
        """Raises the error of what was noted, if anything was, and clears it.

        Args:
            model: The model whose steps note it.
            loss: float, the loss of the step.
            told: String. More about the step and its loss.

        Raises:
            ValueError: If images or labels are at fault.
            FloatingPointError: If the loss or a gradient is not finite.
        """
        found = value_of_variable(value_between_steps(model, self.found))
        problem = next((p for p, wrong in zip(self.PROBLEMS, found) if wrong), None)
        if problem == "loss" and math.isfinite(loss):
            return  # Of a later step, which has not been told of yet.
        if problem is None:
            return
        self.clear()
        if problem == "images":
            raise ValueError("Images should be finite. Received: NaN or infinity")
        if problem == "labels":
            raise ValueError(
                f"Labels should be whole numbers from 0 to {self.num_classes - 1}, or "
                "rows of 0 and 1. Received: another value in a later batch"
            )
        received = f"a loss of {loss}"
        if problem == "gradients":
            received = f"gradients that are not finite, and {received}"
        raise FloatingPointError(
            "Training should keep the loss finite; look at the learning rate and for "
            f"broken images or weights. Received: {received}{told}"
        )


class BatchGuard(keras.callbacks.Callback):
    """Ends `fit` and `evaluate` after a bad batch, before anything is saved.

    Keras' `TerminateOnNaN` ends a training whose loss is no number as if it were done,
    and callbacks clear away what it could be resumed from. `fit` puts this one before
    all others.

    Args:
        check: The `BatchCheck` of the model.

    Raises:
        ValueError: If images or labels are at fault.
        FloatingPointError: With the step and the terms of the loss, their means over
            the epoch so far.
    """

    async_safe = backend.CALLBACKS_MAY_LAG

    def __init__(self, check):
        super().__init__()
        self.check = check
        self.epoch = 1

    def on_epoch_begin(self, epoch, logs=None):
        self.epoch = epoch + 1

    def on_train_batch_end(self, batch, logs=None):
        names = [name for name in self.model.loss_terms if name in logs]
        terms = ", ".join(f"{name} {logs[name]:.4g}" for name in names) or "one term"
        self.check.raise_if_found(
            self.model,
            logs["loss"],
            f" in step {batch + 1} of epoch {self.epoch} ({terms})",
        )

    def on_test_batch_end(self, batch, logs=None):
        self.check.raise_if_found(self.model)
