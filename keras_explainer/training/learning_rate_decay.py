"""The learning rate that `fit` sets where the optimizer is "auto"."""

import contextlib
import math

import keras

from keras_explainer.keras_internals import set_learning_rate


class LearningRateDecay(keras.callbacks.Callback):
    """Lets the learning rate fall along half a cosine over the steps of `fit`.

    `fit` adds one by itself, unless it is given a callback that sets the rate. It acts
    where the model's `learning_rate_falls`, from `LEARNING_RATE` to `FINAL_RATE_SHARE`
    of it; `fit` then sets it back (`rate_set_back`).

    The rate of a step depends on its place in the training alone, so that one that was
    interrupted goes on along the same curve. As long as nobody knows how many batches
    an epoch has, which is until the first one is over, all its steps have the rate of
    its start.

    Args:
        epochs: int. Epochs of the whole training.
        batches: int. Batches of an epoch, or None: as many as Keras knows of.
        skipped: int. Batches of the first epoch that were taken before.
    """

    async_safe = True

    def __init__(self, epochs, batches=None, skipped=0):
        super().__init__()
        self.epochs = epochs
        self.batches = batches
        self.skipped = skipped
        self.seen = None

    def on_train_begin(self, logs=None):
        self.batches = self.batches or self.params.get("steps")

    def on_epoch_begin(self, epoch, logs=None):
        self.epoch = epoch

    def on_train_batch_begin(self, batch, logs=None):
        if self.model.learning_rate_falls:
            rate = self._rate(self.skipped + batch)
            set_learning_rate(self.model, rate)

    def on_train_batch_end(self, batch, logs=None):
        self.seen = self.skipped + batch + 1

    def on_epoch_end(self, epoch, logs=None):
        self.batches = self.batches or self.seen
        self.skipped = 0

    def _rate(self, batch):
        # Files that cannot be read make an epoch shorter than it was said to be.
        within = min(batch / self.batches, 1.0) if self.batches else 0.0
        progress = (self.epoch + within) / self.epochs
        share = self.model.FINAL_RATE_SHARE
        share += (1.0 - share) * 0.5 * (1.0 + math.cos(math.pi * progress))
        return self.model.LEARNING_RATE * share


@contextlib.contextmanager
def rate_set_back(explainer):
    """Sets the learning rate back when training is over, or breaks off."""
    try:
        yield
    finally:
        if explainer.learning_rate_falls:
            explainer.optimizer.learning_rate = explainer.LEARNING_RATE


# Callbacks beside which `fit` adds none.
SET_RATES = (
    LearningRateDecay,
    keras.callbacks.LearningRateScheduler,
    keras.callbacks.ReduceLROnPlateau,
)
