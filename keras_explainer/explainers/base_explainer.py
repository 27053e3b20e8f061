"""What every trainable explainer shares: checks, `explain`, saving and exporting."""

import contextlib
import os
import pathlib
import re
import uuid
import warnings

import keras
import numpy as np
import tensorflow as tf
from keras import ops

from keras_explainer.decoders.guided_upsampling import guided_upsampling
from keras_explainer.decoders.resize import grid_of
from keras_explainer.decoders.resize import resize_to
from keras_explainer.explainers.explanation import Explanation
from keras_explainer.explainers.images import check_images
from keras_explainer.explainers.images import range_problem
from keras_explainer.explainers.targets import MAX_PREDICTED
from keras_explainer.explainers.targets import check_labels
from keras_explainer.explainers.targets import labels_are_valid
from keras_explainer.explainers.targets import predicted_rows
from keras_explainer.explainers.targets import target_classes

_MARK = "keras_explainer: "


class BaseExplainer(keras.Model):
    """A model around a frozen classifier that answers with masks.

    A system adds `class_logits`, its steps, and what it trains; it sets `frozen`
    (a `FrozenClassifier`), `preprocessing`, `background` and `class_names`.
    """

    upsampling = "guided"

    @property
    def classifier(self):
        """The classifier under explanation, as it was handed over."""
        return self.frozen.classifier

    @property
    def display_names(self):
        """The names of the classes, "class 3" and so on where there are none."""
        return self.class_names or [
            f"class {i}" for i in range(self.frozen.num_classes)
        ]

    def class_logits(self, images, read, classes=None, training=False):
        """Returns mask logits (N, h, w, K) of classes (N, K), or of all classes.

        Args:
            images: Tensor (N, H, W, channels).
            read: What the frozen classifier read off the images.
            classes: Integer tensor (N, K), or None for all classes.
            training: Boolean.
        """
        raise TypeError(f"{type(self).__name__} should define `class_logits`.")

    def upsampled(self, logits, images):
        """Enlarges mask logits (N, h, w, K) to the size of images (N, H, W, channels).

        "guided" follows the edges of the images, "bilinear" does not.
        """
        if self.upsampling == "guided":
            return guided_upsampling(logits, images)
        return resize_to(logits, grid_of(images))

    # === Training ===

    def fit(self, x=None, y=None, *args, class_weight=None, **kwargs):
        """Trains the explainer; the classifier stays as it is.

        Args:
            x: Images (N, H, W, channels) as the classifier takes them, or a
                `tf.data.Dataset` of images, (images, labels) or (images, labels,
                weights).
            y: Class indices (N,), or one-hot or multi-hot rows (N, C). Without
                labels the classifier's own predictions are explained.
            *args: As in `keras.Model.fit`.
            class_weight: Not supported; weigh images by `sample_weight`.
            **kwargs: As in `keras.Model.fit`.

        Returns:
            A `keras.callbacks.History`.

        Raises:
            ValueError: If images or labels do not suit the classifier, or there
                are none.
        """
        if class_weight is not None:
            raise ValueError(
                "Argument `class_weight` should be None, since masks are learned per "
                "image; weigh images by `sample_weight`. Received: "
                f"class_weight={class_weight}"
            )
        self._check_first_batch(x, y)
        if isinstance(x, tf.data.Dataset):
            # Keras warns that it cannot shuffle a dataset, which nobody asked for.
            kwargs.setdefault("shuffle", False)
        with _plain_errors():
            return super().fit(x, y, *args, **kwargs)

    def evaluate(self, *args, **kwargs):
        with _plain_errors():
            return super().evaluate(*args, **kwargs)

    def _check_first_batch(self, x, y):
        if isinstance(x, tf.data.Dataset):
            first = next(iter(x.take(1)), None)
        elif isinstance(x, keras.utils.PyDataset):
            first = x[0] if len(x) else None
        elif hasattr(x, "shape"):
            first = (x[:32], y) if y is not None else x[:32]
            first = None if not len(x) else first
        else:  # A generator: its batches are checked as they come.
            return
        if first is None:
            raise ValueError(
                "Argument `x` should hold at least one image. Received: an empty set"
            )
        images, labels, _ = keras.utils.unpack_x_y_sample_weight(first)
        self._check_images(images)
        if labels is not None:
            check_labels(labels, self.frozen.num_classes)
        if self.background.to_measure:
            self.background.measure(images)

    def checked(self, images, labels):
        """Returns a batch as float images, after checks that run in the graph."""
        finite = ops.all(ops.isfinite(ops.cast(images, "float32")))
        checks = [_assert(finite, "Images should be finite. Received: NaN or infinity")]
        if labels is not None:
            classes = self.frozen.num_classes
            checks.append(
                _assert(
                    labels_are_valid(labels, classes),
                    f"Labels should be whole numbers from 0 to {classes - 1}, or rows "
                    "of 0 and 1. Received: another value in a later batch",
                )
            )
        with tf.control_dependencies([check for check in checks if check is not None]):
            return tf.identity(tf.cast(images, "float32"))

    def _check_images(self, images):
        check_images(images, self.input_shape[1:])
        if self._warned:
            return
        problem = range_problem(images, self.preprocessing.input_range)
        if problem:
            self._warned = True
            warnings.warn(problem, stacklevel=4)

    # === Explaining ===

    def explain(self, images, targets=None, top_k=3, batch_size=32):
        """Explains images: the masks of the classes asked for.

        Args:
            images: Array, tensor (N, H, W, channels) as the classifier takes them,
                or a batched `tf.data.Dataset` of them, whose labels are ignored.
            targets: None (the predicted classes), an int (the same class for all),
                a list of ints (one per image), or one-hot or multi-hot rows (N, C).
            top_k: int. How many of the most probable classes get a mask when
                `targets` is None.
            batch_size: int. Images per pass.

        Returns:
            An `Explanation`. Tensors if `images` is a tensor, else NumPy arrays.

        Raises:
            ValueError: If images, `targets` or `top_k` do not suit the classifier.

        Example:

        >>> explanation = explainer.explain(images, top_k=2)
        >>> explanation.masks.shape
        (4, 64, 64, 2)
        """
        if not isinstance(top_k, (int, np.integer)) or top_k < 1:
            raise ValueError(
                f"Argument `top_k` should be a whole number from 1. Received: {top_k}"
            )
        if isinstance(images, tf.data.Dataset):
            batches = [b[0] if isinstance(b, (tuple, list)) else b for b in images]
            images = np.concatenate([np.asarray(batch) for batch in batches])
        as_tensor = tf.is_tensor(images)
        images = images if as_tensor else np.asarray(images)
        self._check_images(images)
        classes = None
        if targets is not None:
            classes = target_classes(targets, len(images), self.frozen.num_classes)
        parts = []
        for start in range(0, len(images), batch_size):
            batch = tf.convert_to_tensor(images[start : start + batch_size])
            part = self._explain_function(
                batch,
                None if classes is None else classes[start : start + batch_size],
                min(top_k, self.frozen.num_classes),
            )
            parts.append(part if as_tensor else [np.asarray(t) for t in part])
        join = tf.concat if as_tensor else np.concatenate
        return Explanation(*(join(field, 0) for field in zip(*parts)))

    def _explain_function(self, images, classes, top_k):
        if getattr(self, "_compiled_explain", None) is None:
            compiled = tf.function(self._explain_batch, reduce_retracing=True)
            # A closure: a tf.function attribute would be written into exports.
            self._compiled_explain = lambda *args: compiled(*args)
        return self._compiled_explain(images, classes, top_k)

    def _explain_batch(self, images, classes, top_k):
        images = tf.cast(images, "float32")
        read = self.frozen(images)
        probabilities = self.frozen.probabilities(read["logits"])
        if classes is None:
            shown = top_k
            if self.frozen.multi_label:
                top_k = min(max(top_k, MAX_PREDICTED), self.frozen.num_classes)
            scores, classes = tf.math.top_k(probabilities, top_k)
            predicted = predicted_rows(probabilities, self.frozen.multi_label)
            is_target = tf.gather(predicted, classes, batch_dims=1) > 0
        else:
            shown = classes.shape[1]
            is_target = classes >= 0
            scores = tf.gather(probabilities, tf.maximum(classes, 0), batch_dims=1)
            scores = tf.where(is_target, scores, 0.0)
        logits = self.class_logits(images, read, tf.maximum(classes, 0))
        masks = tf.sigmoid(self.upsampled(logits, images))
        target_masks = tf.where(is_target[:, None, None], masks, 0.0)
        return (
            masks[..., :shown],
            classes[:, :shown],
            scores[:, :shown],
            tf.reduce_max(target_masks, axis=-1),
            probabilities,
        )

    # === Saving and exporting ===

    def save(self, filepath, overwrite=True, **kwargs):
        """Saves the explainer with its classifier; the former file stays until done.

        Args:
            filepath: Path that ends in `.keras`.
            overwrite: Boolean. Whether an existing file may be replaced.
            **kwargs: As in `keras.Model.save`.

        Raises:
            FileExistsError: If the file exists and `overwrite` is False.
        """
        path = pathlib.Path(filepath)
        if path.exists() and not overwrite:
            raise FileExistsError(
                f"Argument `filepath` should be a new path. Received: {path}, which "
                "exists"
            )
        beside = path.with_name(f".{path.stem}-{uuid.uuid4().hex[:8]}{path.suffix}")
        try:
            super().save(beside, **kwargs)
            os.replace(beside, path)
        finally:
            beside.unlink(missing_ok=True)

    def export(self, path, format="tf_saved_model", **options):
        """Exports the explainer with its classifier and preprocessing, to be served.

        Args:
            path: Path of a new version folder, such as "saved_models/pets/1", or of
                a new `.tflite` file.
            format: "tf_saved_model", for TensorFlow Serving, or "litert".
            **options: `top_k`, `mask_size`, `threshold` and more, as in
                `keras_explainer.serving.export_saved_model` and `export_litert`.

        Returns:
            `pathlib.Path` of what was written.

        Raises:
            ValueError: If `format` or an option is none of these, or the
                preprocessing is not known or does not run in a graph.
            FileExistsError: If there is something at `path`.

        Example:

        ```python
        explainer.export("saved_models/pets/1", top_k=3, mask_size=56)
        ```
        """
        # Here, since serving depends on the explainers.
        from keras_explainer import serving

        if format not in ("tf_saved_model", "litert"):
            raise ValueError(
                'Argument `format` should be "tf_saved_model" or "litert". '
                f"Received: {format!r}"
            )
        if format == "litert":
            return serving.export_litert(self, path, **options)
        return serving.export_saved_model(self, path, **options)


def _assert(condition, message):
    return tf.debugging.Assert(condition, [_MARK + message])


@contextlib.contextmanager
def _plain_errors():
    """Turns a failed check inside the graph into the one sentence it is about."""
    try:
        yield
    except tf.errors.InvalidArgumentError as error:
        found = re.search(re.escape(_MARK) + r"([^\n\"'\]]*)", str(error))
        if found is None:
            raise
        raise ValueError(found.group(1).strip()) from None
