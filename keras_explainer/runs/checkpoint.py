"""Keeping what a training has reached."""

import signal

import keras

from keras_explainer.files.atomic_file import atomic_file


class Checkpoint(keras.callbacks.Callback):
    """Saves the explainer with its optimizer after every epoch.

    A process may be killed at any moment: an epoch counts as finished once the
    explainer is in its place, so this callback comes after those that write.

    Args:
        folder: The `RunFolder`.
    """

    def __init__(self, folder):
        super().__init__()
        self.folder = folder

    def on_epoch_end(self, epoch, logs=None):
        self.save(epoch + 1)

    def save(self, epochs, steps=0):
        path = self.folder.checkpoint(epochs, steps)
        # Keras writes into the file itself, which may be killed halfway.
        with atomic_file(path) as temporary:
            self.model.save(temporary)
        self.folder.remove_checkpoints(keep=path)


class TerminationCheckpoint(Checkpoint):
    """Saves the explainer also after the current step, if asked to end by SIGTERM.

    To be used in a `with` block, in which SIGTERM is handled so. `asked` tells whether
    it came; training is then left by a `KeyboardInterrupt`.

    Args:
        folder: The `RunFolder`.
    """

    def __init__(self, folder):
        super().__init__(folder)
        self.asked = False
        self.start = folder.reached

    def __enter__(self):
        self.former = signal.signal(signal.SIGTERM, self._ask)
        return self

    def __exit__(self, *error):
        signal.signal(signal.SIGTERM, self.former)

    def _ask(self, *signal):
        self.asked = True

    def on_epoch_begin(self, epoch, logs=None):
        self.epoch = epoch

    def on_train_batch_end(self, batch, logs=None):
        if self.asked:
            skipped = self.start[1] if self.epoch == self.start[0] else 0
            self.save(self.epoch, skipped + batch + 1)
            raise KeyboardInterrupt

    def on_epoch_end(self, epoch, logs=None):
        super().on_epoch_end(epoch, logs)
        if self.asked:
            raise KeyboardInterrupt
