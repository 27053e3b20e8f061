"""Stopping a training whose loss is no number any more."""

import math

import keras


class FiniteLoss(keras.callbacks.Callback):
    """Stops training at the step whose loss is not finite, before anything is saved.

    Keras' `TerminateOnNaN` ends such a training as if it were done, and callbacks
    clear away what it could be resumed from. `fit` puts this one before all others.

    Raises:
        FloatingPointError: With the step and the terms of the loss, their means over
            the epoch so far.
    """

    async_safe = True

    def on_epoch_begin(self, epoch, logs=None):
        self.epoch = epoch + 1

    def on_train_batch_end(self, batch, logs=None):
        if math.isfinite(logs["loss"]):
            return
        terms = ", ".join(f"{term} {logs[term]:.4g}" for term in self.model.LOSS.TERMS)
        raise FloatingPointError(
            "Training should keep the loss finite; look at the learning rate and for "
            f"broken images or weights. Received: a loss of {logs['loss']} in step "
            f"{batch + 1} of epoch {self.epoch} ({terms})"
        )
