"""Keeping what a training has reached."""

import keras


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
        self.model.save(self.folder.checkpoint(epoch + 1))
        self.folder.drop_checkpoints(keep=epoch + 1)
