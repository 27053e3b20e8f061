"""How well masks find objects, measured while an explainer trains."""

import keras
import numpy as np
from keras import ops

from keras_explainer.check_option import check_option
from keras_explainer.inputs.masked_data import MaskedData
from keras_explainer.inputs.masked_data import has_masks
from keras_explainer.inputs.masked_data import has_object
from keras_explainer.metrics.mask_metric import MaskMetric
from keras_explainer.metrics.overlap import IoU


class MaskQuality(keras.callbacks.Callback):
    """Measures after each epoch how well the masks find the objects.

    `fit` makes one by itself of `validation_data=(images, labels, masks)`. Measured is
    the mask that `explain(images, targets=labels)` shows, its `target_mask`, resized to
    the true masks if these are of another size. The mean over the images is in the
    epoch's logs as "val_iou", and so on for other metrics, where `History`,
    `ModelCheckpoint(monitor="val_iou", mode="max")` and `EarlyStopping` find it: `fit`
    puts this callback before all others, and tells those of mode "auto" which way is
    better (but `ModelCheckpoint` of older versions of Keras, which does not keep it).

    No training step takes longer; an epoch takes a pass over the images more. On
    several devices one of them measures, and every worker measures all images.

    Args:
        images: Array or tensor (N, H, W, channels), as the classifier takes them; or
            batches of images, labels and masks, as tuples or as dicts with the keys
            "image", "label" and "mask": a `tf.data.Dataset`, a `PyDataset`, or a loader
            that can be iterated over for every epoch.
        labels: Class indices (N,), or one-hot or multi-hot rows (N, C), of which the
            masks are explained; None: those of the three likeliest classes that are
            predicted, as `explain(images)` does.
        masks: Array or tensor (N, h, w) or (N, h, w, 1): bool, or 0 for background, 255
            for void (not counted), anything else for the labelled objects. None where
            `images` gives batches.
        metrics: List of metrics of masks, such as `keras_explainer.metrics.ROCAUC()`.
            Defaults to `IoU()` and those given to `compile`.
        batch_size: int. Images per pass, where they are not in batches. Defaults to 32.
        steps: int. Batches to measure, or None: all.
        validation_freq: int, epochs from one measurement to the next, or a list of
            epochs, counted from 1, as in `keras.Model.fit`. Defaults to 1.

    Raises:
        ValueError: If an argument is not what it should be, at once or when training
            begins.

    Example:

    ```python
    quality = kx.callbacks.MaskQuality(images, labels, masks)
    history = explainer.fit(dataset, epochs=10, callbacks=[quality])
    history.history["val_iou"]  # ten values
    ```
    """

    def __init__(
        self,
        images,
        labels=None,
        masks=None,
        *,
        metrics=None,
        batch_size=32,
        steps=None,
        validation_freq=1,
    ):
        super().__init__()
        check_option("batch_size", batch_size, 1, whole=True)
        if steps is not None:
            check_option("steps", steps, 1, whole=True)
        if isinstance(validation_freq, int):
            check_option("validation_freq", validation_freq, 1, whole=True)
        for metric in metrics or ():
            if not isinstance(metric, MaskMetric):
                raise ValueError(
                    "Argument `metrics` should be a list of metrics of masks, such as "
                    f"`keras_explainer.metrics.IoU()`. Received: {metric!r}"
                )
        if masks is None and not has_masks(images):
            raise ValueError(
                "Argument `masks` should be true masks, or `images` give batches of "
                "images, labels and masks for every epoch. Received: masks=None"
            )
        self.data = images if masks is None else (images, labels, masks)
        self.argument = "images" if masks is None else "masks"
        self.metrics = metrics
        self.batch_size = batch_size
        self.steps = steps
        self.validation_freq = validation_freq

    def on_train_begin(self, logs=None):
        # What is wrong with the data is told before hours of training, not after.
        self._batches(self.model).check()

    def on_epoch_end(self, epoch, logs=None):
        if self._is_due(epoch + 1):
            values = self.measure(self.model)
            logs.update({f"val_{name}": value for name, value in values.items()})

    def measure(self, explainer):
        """Measures the masks of an explainer as it is now.

        Args:
            explainer: The explainer.

        Returns:
            Dict from the names of the metrics to floats, their means over the images
            that have a value.

        Raises:
            ValueError: If no mask has an object, or the data are not what they should
                be.
        """
        metrics, data = self.metrics_of(explainer), self._batches(explainer)
        values, found = {metric.name: [] for metric in metrics}, False
        for images, rows, true_masks in data:
            found = found or has_object(true_masks)
            masks = explainer.explain(
                images, targets=rows, batch_size=self.batch_size
            ).target_mask[..., None]
            size = true_masks.shape[1:]
            if tuple(masks.shape[1:3]) != size:
                masks = ops.image.resize(masks, size, antialias=True)
            for metric in metrics:
                values[metric.name].append(metric.values(true_masks, masks))
        data.check_objects(found)
        return {name: _known_mean(parts) for name, parts in values.items()}

    def metrics_of(self, explainer):
        """Returns the metrics that are measured of an explainer."""
        if self.metrics is not None:
            return self.metrics
        given = explainer.mask_metrics
        has_iou = any(metric.name == "iou" for metric in given)
        return given if has_iou else [IoU(), *given]

    def tell_direction(self, callbacks, explainer):
        """Sets the mode of callbacks that watch a metric of masks and have none yet."""
        modes = {
            f"val_{metric.name}": "max" if metric.higher_is_better else "min"
            for metric in self.metrics_of(explainer)
        }
        for callback in callbacks:
            monitored = getattr(callback, "monitor", None)
            if getattr(callback, "mode", None) == "auto" and monitored in modes:
                callback.mode = modes[monitored]

    def _batches(self, explainer):
        classes = explainer.frozen.num_classes
        return MaskedData(
            self.data, classes, self.argument, self.batch_size, self.steps
        )

    def _is_due(self, epoch):
        if isinstance(self.validation_freq, int):
            return epoch % self.validation_freq == 0
        return epoch in self.validation_freq


def _known_mean(parts):
    values = np.concatenate([np.asarray(part, "float64") for part in parts])
    known = values[~np.isnan(values)]
    return float(known.mean()) if len(known) else float("nan")
