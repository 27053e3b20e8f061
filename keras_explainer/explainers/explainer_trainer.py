"""How every trainable explainer is compiled and trained."""

import contextlib
import re
import warnings

import keras
import tensorflow as tf
from keras import ops

from keras_explainer.explainers.finite_loss import FiniteLoss
from keras_explainer.explainers.images import check_images
from keras_explainer.explainers.targets import check_labels
from keras_explainer.explainers.targets import labels_are_valid
from keras_explainer.explainers.targets import labels_to_rows
from keras_explainer.explainers.targets import predicted_rows
from keras_explainer.replicas import at_least_one
from keras_explainer.replicas import in_several_processes
from keras_explainer.replicas import share_of_mean

_MARK = "keras_explainer: "
# What TensorFlow says where another worker does not answer any more.
_LOST_WORKER = (
    tf.errors.AbortedError,
    tf.errors.DeadlineExceededError,
    tf.errors.UnavailableError,
)


class ExplainerTrainer(keras.Model):
    """A model around a frozen classifier, trained by an objective of named terms.

    A system sets `LOSS`, the class of its objective (with its `TERMS`), and adds
    `trained_layers` and `step_terms`; `FIGURES` names what a step measures besides.
    """

    LOSS = None
    FIGURES = ()
    LEARNING_RATE = 2e-3

    def trained_layers(self):
        """Returns the layers that are trained, some of them perhaps None."""
        raise TypeError(f"{type(self).__name__} should define `trained_layers`.")

    def step_terms(self, images, read, rows, training):
        """Computes what a step learns from.

        Args:
            images: Tensor (N, H, W, channels).
            read: What the frozen classifier read off the images.
            rows: Multi-hot tensor (N, C), the labels.
            training: Boolean.

        Returns:
            Tuple of a dict from each of `LOSS.TERMS` and `FIGURES` to a tensor (N,),
            and the logits (N, C) of what the masks keep.
        """
        raise TypeError(f"{type(self).__name__} should define `step_terms`.")

    def compile(self, optimizer="auto", loss="auto", *, metrics=None, **kwargs):
        """Configures training; called on construction with "auto" settings.

        Args:
            optimizer: A Keras optimizer, or "auto": Adam with a learning rate of
                `LEARNING_RATE`.
            loss: The system's objective, such as `ExplainerLoss` for
                `ExplainerModel`, or "auto" for its defaults.
            metrics: Keras metrics of the labels and the probabilities that the
                classifier gives to the masked images.
            **kwargs: As in `keras.Model.compile`.

        Raises:
            ValueError: If `loss` is not an objective of this system.
        """
        if isinstance(optimizer, str) and optimizer == "auto":
            optimizer = keras.optimizers.Adam(self.LEARNING_RATE)
        loss = self.LOSS() if loss == "auto" else loss
        if not isinstance(loss, self.LOSS):
            raise ValueError(
                "Argument `loss` should be a "
                f'`keras_explainer.losses.{self.LOSS.__name__}` or "auto". '
                f"Received: {loss!r}"
            )
        super().compile(optimizer=optimizer, loss=None, metrics=metrics, **kwargs)
        self.explainer_loss = loss
        # Built at once, so that an explainer that was never fitted reloads alike.
        self.optimizer.build(self.trainable_variables)

    def get_compile_config(self):
        serialize = keras.saving.serialize_keras_object
        config = super().get_compile_config() or {}
        return {**config, "loss": serialize(self.explainer_loss)}

    def compile_from_config(self, config):
        config = keras.saving.deserialize_keras_object(config)
        self.compile(**config)

    @property
    def trainable_variables(self):
        trained = [layer for layer in self.trained_layers() if layer]
        return [v for layer in trained for v in layer.trainable_variables]

    trainable_weights = trainable_variables

    @property
    def non_trainable_variables(self):
        trained = {id(v) for v in self.trainable_variables}
        return [v for v in self.variables if id(v) not in trained]

    @property
    def non_trainable_weights(self):
        trained = {id(v) for v in self.trainable_variables}
        return [v for v in self.weights if id(v) not in trained]

    # === Data ===

    def fit(
        self,
        x=None,
        y=None,
        batch_size=None,
        epochs=1,
        verbose="auto",
        callbacks=None,
        *args,
        class_weight=None,
        **kwargs,
    ):
        """Trains the explainer; the classifier stays as it is.

        An explainer made in the scope of a `tf.distribute` strategy, of devices or
        of workers, trains on all of them.

        What steps draw follows `keras.utils.set_random_seed`: a training that begins,
        after `compile`, takes a seed from it, and one that goes on keeps its own, also
        from a file. Validation draws nothing.

        Args:
            x: Images (N, H, W, channels) as the classifier takes them, or a
                `tf.data.Dataset` of images, (images, labels) or (images, labels,
                weights).
            y: Class indices (N,), or one-hot or multi-hot rows (N, C). Without
                labels the classifier's own predictions are explained.
            batch_size: int. Images per step, of all devices together.
            epochs: int. As in `keras.Model.fit`.
            verbose: As in `keras.Model.fit`.
            callbacks: List of `keras.callbacks.Callback`s.
            *args: As in `keras.Model.fit`.
            class_weight: Not supported; weigh images by `sample_weight`.
            **kwargs: As in `keras.Model.fit`.

        Returns:
            A `keras.callbacks.History`.

        Raises:
            ValueError: If images or labels do not suit the classifier, or there
                are none.
            FloatingPointError: If the loss is not finite.
            RuntimeError: If another worker of the strategy is gone.
        """
        self.check_order_of(x, "x")
        if class_weight is not None:
            raise ValueError(
                "Argument `class_weight` should be None, since masks are learned per "
                "image; weigh images by `sample_weight`. Received: "
                f"class_weight={class_weight}"
            )
        self._check_first_batch(x, y)
        self._draw_seed()
        if isinstance(x, tf.data.Dataset):
            # Keras warns that it cannot shuffle a dataset, which nobody asked for.
            kwargs.setdefault("shuffle", False)
        if not isinstance(callbacks, keras.callbacks.CallbackList):
            callbacks = [FiniteLoss(), *_as_list(callbacks)]
        with _plain_errors(self.distribute_strategy):
            return super().fit(
                x, y, batch_size, epochs, verbose, callbacks, *args, **kwargs
            )

    def evaluate(self, *args, **kwargs):
        with _plain_errors(self.distribute_strategy):
            return super().evaluate(*args, **kwargs)

    def _draw_seed(self):
        # Workers have that of the first one, from when they made the explainer.
        if not in_several_processes(self.distribute_strategy):
            # Not by `int`, which fails for a variable on several devices.
            if ops.convert_to_numpy(self.optimizer.iterations) == 0:
                self.step_seed.draw()

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
        check_images(images, self.input_shape[1:])
        self.follow(images)
        self._check_images(images)
        if labels is not None:
            check_labels(labels, self.frozen.num_classes)

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
        problem = self.preprocessing.range_problem(images)
        if problem:
            self._warned = True
            warnings.warn(problem, stacklevel=4)

    # === Steps ===

    def train_step(self, data):
        images, labels, weights = keras.utils.unpack_x_y_sample_weight(data)
        variables = [v.value for v in self.trainable_variables]
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(variables)
            loss, values, rows, kept = self._step(images, labels, weights, True)
            # Of this device alone: Keras adds up the gradients of all.
            scaled = self.optimizer.scale_loss(share_of_mean(loss))
        gradients = tape.gradient(scaled, variables)
        self.optimizer.apply_gradients(zip(gradients, self.trainable_variables))
        return self._step_logs(images, loss, values, rows, kept, weights)

    def test_step(self, data):
        images, labels, weights = keras.utils.unpack_x_y_sample_weight(data)
        loss, values, rows, kept = self._step(images, labels, weights, False)
        return self._step_logs(images, loss, values, rows, kept, weights)

    def _step(self, images, labels, weights, training):
        size = ops.shape(images)[0]
        images, labels = at_least_one(images), at_least_one(labels)
        images = self.checked(images, labels)
        read = self.frozen(images)
        if labels is None:
            probabilities = self.frozen.probabilities(read["logits"])
            rows = predicted_rows(probabilities, self.frozen.multi_label)
        else:
            rows = labels_to_rows(labels, self.frozen.num_classes)
        values, kept = self.step_terms(images, read, rows, training)
        values = {name: value[:size] for name, value in values.items()}
        if weights is not None:
            weights = ops.reshape(ops.cast(weights, "float32"), (-1,))
            weighted = {name: weights * values[name] for name in self.LOSS.TERMS}
            values = {**values, **weighted}
        loss = sum(values[name] for name in self.LOSS.TERMS)
        return loss, values, rows[:size], self.frozen.probabilities(kept[:size])

    def _step_logs(self, images, loss, values, rows, probabilities, weights):
        self._loss_tracker.update_state(loss)
        for tracker in self.term_trackers:
            tracker.update_state(values[tracker.name])
        logs = self.compute_metrics(images, rows, probabilities, sample_weight=weights)
        if not in_several_processes(self.distribute_strategy):
            return logs
        # Keras takes the mean of all workers' logs over an axis that it expects.
        return {name: ops.reshape(value, (1,)) for name, value in logs.items()}

    def _maybe_symbolic_build(self, iterator=None, data_batch=None):
        # All is built but metrics asked for, of labels and probabilities. Keras looks
        # at the outputs instead, and with several workers fails before that.
        metrics = self._compile_metrics
        if metrics is not None and not metrics.built:
            # Up to Keras 3.10 these would come before their names, or be counted.
            metrics.output_names = None
            rows = keras.KerasTensor((None, self.frozen.num_classes))
            with self.distribute_strategy.scope():
                metrics.build(rows, rows)


def _as_list(callbacks):
    return [] if callbacks is None else tf.nest.flatten(callbacks)


def _assert(condition, message):
    return tf.debugging.Assert(condition, [_MARK + message])


@contextlib.contextmanager
def _plain_errors(strategy):
    """Turns a failed check inside the graph into the one sentence it is about."""
    try:
        with warnings.catch_warnings():
            # Keras takes a dataset whose size is known only at its end, such as files
            # of which some may be broken, for a mistake.
            warnings.filterwarnings("ignore", "Your input ran out of data")
            yield
    except tf.errors.InvalidArgumentError as error:
        found = re.search(re.escape(_MARK) + r"([^\n\"'\]]*)", str(error))
        if found is None:
            raise
        raise ValueError(found.group(1).strip()) from None
    except _LOST_WORKER as error:
        if not in_several_processes(strategy):
            raise
        raise RuntimeError(
            "Training should go on with all its workers; start them all again, and a "
            "`keras.callbacks.BackupAndRestore` given to `fit` goes on from its last "
            f"backup. Received: a worker is gone ({type(error).__name__})"
        ) from error
