"""Pictures of the masks as an explainer learns."""

import os
from pathlib import Path

import keras
import numpy as np

from keras_explainer.inputs.check_class_names import check_class_names
from keras_explainer.visualization.gallery import gallery
from keras_explainer.visualization.pixels import as_array
from keras_explainer.visualization.pixels import as_mask
from keras_explainer.visualization.save import save_figure


class MaskGallery(keras.callbacks.Callback):
    """Draws the same photographs with their masks as the Explainer learns.

    The first gallery shows the Explainer as training finds it: "epoch_000.png" before
    a first epoch. Later ones follow every `every` epochs.

    Args:
        images: Array (N, H, W, C), what the classifier takes.
        path: String or path of the folder for "epoch_000.png" and so on, or None.
        log_dir: String or path of a TensorBoard log folder for the same pictures, or
            None. One of `path` and `log_dir` must be given.
        class_names: List of strings, indexed by class, or None.
        ground_truth: Array (N, h, w), float in [0, 1] or bool, or None.
        targets: the classes to explain, as `ExplainerModel.explain` takes them.
            Defaults to the predicted classes.
        every: int, epochs between two galleries. Defaults to 1.

    Raises:
        ValueError: an argument has another shape or range.

    Example:

    ```python
    gallery = kx.callbacks.MaskGallery(images[:4], "pictures")
    explainer.fit(dataset, epochs=10, callbacks=[gallery])
    ```
    """

    def __init__(
        self,
        images,
        path=None,
        *,
        log_dir=None,
        class_names=None,
        ground_truth=None,
        targets=None,
        every=1,
    ):
        super().__init__()
        images = as_array(images, "images")
        if images.ndim != 4 or len(images) == 0:
            raise ValueError(
                "Argument `images` should have shape (N, H, W, C), N at least 1. "
                f"Received: images.shape={images.shape}"
            )
        if path is None and log_dir is None:
            raise ValueError(
                "Argument `path` or `log_dir`, or both, should say where the "
                "pictures go. Received: path=None, log_dir=None"
            )
        if isinstance(every, bool) or not isinstance(every, int) or every < 1:
            raise ValueError(
                f"Argument `every` should be an int from 1. Received: every={every}"
            )
        if ground_truth is not None:
            ground_truth = [as_mask(mask, "ground_truth") for mask in ground_truth]
            _check_count("ground_truth", ground_truth, images)
        if targets is not None and np.ndim(targets) > 0:
            _check_count("targets", targets, images)

        self.images = images
        self.path = None if path is None else Path(path)
        self.log_dir = None if log_dir is None else os.fspath(log_dir)
        known = class_names is not None
        self.class_names = check_class_names(class_names) if known else None
        self.ground_truth = ground_truth
        self.targets = targets
        self.every = every
        self._is_first = True
        self._writer = None

    def on_train_begin(self, logs=None):
        self._is_first = True

    def on_epoch_begin(self, epoch, logs=None):
        # Here and not at the beginning of training, which does not know the epoch that
        # a resumed training starts from.
        if self._is_first:
            self._draw(epoch)
        self._is_first = False

    def on_epoch_end(self, epoch, logs=None):
        if (epoch + 1) % self.every == 0:
            self._draw(epoch + 1)

    def on_train_end(self, logs=None):
        if self._writer is not None:
            self._writer.close()
        self._writer = None

    def _draw(self, epoch):
        figure = gallery(
            self.model.preprocessing.restore(self.images),
            self.model.explain(self.images, targets=self.targets),
            class_names=self.class_names,
            ground_truth=self.ground_truth,
        )
        if self.path is not None:
            save_figure(figure, self.path / f"epoch_{epoch:03d}.png")
        if self.log_dir is not None:
            self._summarize(figure, epoch)

    def _summarize(self, figure, epoch):
        import tensorflow as tf

        if self._writer is None:
            self._writer = tf.summary.create_file_writer(self.log_dir)
        figure.canvas.draw()
        picture = np.asarray(figure.canvas.buffer_rgba())[..., :3]
        height, width, _ = picture.shape
        # What `tf.summary.image` writes, which needs TensorBoard to be installed here.
        summary = tf.compat.v1.SummaryMetadata
        plugin = summary.PluginData(plugin_name="images")
        with self._writer.as_default():
            tf.summary.write(
                "masks",
                tf.stack([str(width), str(height), tf.io.encode_png(picture)]),
                step=epoch,
                metadata=summary(
                    plugin_data=plugin,
                    data_class="DATA_CLASS_BLOB_SEQUENCE",
                ),
            )
        self._writer.flush()


def _check_count(name, values, images):
    if len(values) != len(images):
        raise ValueError(
            f"Argument `{name}` should have one entry for each of the {len(images)} "
            f"images. Received: {len(values)}"
        )
