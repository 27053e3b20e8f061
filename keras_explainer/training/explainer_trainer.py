"""How every trainable explainer is compiled and trained."""

import ast
import contextlib
import re
import warnings

import keras
import tensorflow as tf
from keras import ops

from keras_explainer.check_option import check_option
from keras_explainer.inputs.data_forms import read_data
from keras_explainer.inputs.images import check_image_shape
from keras_explainer.inputs.images import check_images
from keras_explainer.inputs.images import with_image_shape
from keras_explainer.inputs.labels import labels_are_valid
from keras_explainer.inputs.labels import labels_to_rows
from keras_explainer.inputs.labels import predicted_rows
from keras_explainer.inputs.labels import with_known_shape
from keras_explainer.replicas import at_least_one
from keras_explainer.replicas import in_several_processes
from keras_explainer.replicas import share_of_mean
from keras_explainer.replicas import update_if
from keras_explainer.training.batch_check import BatchCheck
from keras_explainer.training.batch_check import BatchGuard

# What TensorFlow says of images whose size is known in the step only.
_OTHER_SHAPE = re.compile(r"(\[[\d,]*\]) is not compatible with expected shape")
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

    def compile(
        self,
        optimizer="auto",
        loss="auto",
        *,
        metrics=None,
        jit_compile=False,
        **kwargs,
    ):
        """Configures training; called on construction with "auto" settings.

        Args:
            optimizer: A Keras optimizer, or "auto": Adam with a learning rate of
                `LEARNING_RATE`.
            loss: The system's objective, such as `ExplainerLoss` for
                `ExplainerModel`, or "auto" for its defaults.
            metrics: Keras metrics of the labels and the probabilities that the
                classifier gives to the masked images.
            jit_compile: Boolean. Whether XLA compiles the steps. It fails at some
                networks on a GPU, so that "auto" is False too.
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
        super().compile(
            optimizer=optimizer,
            loss=None,
            metrics=metrics,
            jit_compile=jit_compile != "auto" and jit_compile,
            **kwargs,
        )
        self.explainer_loss = loss
        with self.distribute_strategy.scope():
            self.batch_check = BatchCheck(self.frozen.num_classes)
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
        validation_split=0.0,
        validation_data=None,
        shuffle=True,
        class_weight=None,
        sample_weight=None,
        initial_epoch=0,
        steps_per_epoch=None,
        validation_steps=None,
        validation_batch_size=None,
        validation_freq=1,
    ):
        """Trains the explainer; the classifier stays as it is.

        An explainer made in the scope of a `tf.distribute` strategy, of devices or
        of workers, trains on all of them.

        What steps draw follows `keras.utils.set_random_seed`: a training that begins,
        after `compile`, takes a seed from it, and one that goes on keeps its own, also
        from a file. Validation draws nothing.

        Args:
            x: Images (N, H, W, channels) as the classifier takes them, or batches of
                images, (images, labels), (images, labels, weights), or dicts with the
                keys "image" and "label": a `tf.data.Dataset`, a
                `keras.utils.PyDataset`, a generator, or a loader to iterate over.
            y: Class indices (N,), or one-hot or multi-hot rows (N, C). Without
                labels the classifier's own predictions are explained.
            batch_size: int. Images per step, of all devices together. Defaults to 32.
            epochs: int. As in `keras.Model.fit`.
            verbose: As in `keras.Model.fit`.
            callbacks: List of `keras.callbacks.Callback`s.
            validation_split: As in `keras.Model.fit`.
            validation_data: What is validated on after each epoch: (images, labels),
                or what `x` may be.
            shuffle: As in `keras.Model.fit`.
            class_weight: Not supported; weigh images by `sample_weight`.
            sample_weight: Weights of the images (N,).
            initial_epoch: As in `keras.Model.fit`.
            steps_per_epoch: As in `keras.Model.fit`.
            validation_steps: As in `keras.Model.fit`.
            validation_batch_size: As in `keras.Model.fit`.
            validation_freq: As in `keras.Model.fit`.

        Returns:
            A `keras.callbacks.History`.

        Raises:
            ValueError: If images or labels do not suit the classifier, or there
                are none. No step learns from a batch that does not.
            FloatingPointError: If the loss or its gradient is not finite.
            RuntimeError: If another worker of the strategy is gone.
        """
        if class_weight is not None:
            raise ValueError(
                "Argument `class_weight` should be None, since masks are learned per "
                "image; weigh images by `sample_weight`. Received: "
                f"class_weight={class_weight}"
            )
        _check_batch_size("batch_size", batch_size)
        _check_batch_size("validation_batch_size", validation_batch_size)
        data = self._read(
            x, y, sample_weight, "x", ("steps_per_epoch", steps_per_epoch)
        )
        checks = [data.checks]
        if validation_data is not None:
            validation = self._read(
                *_as_triple(validation_data),
                "validation_data",
                ("validation_steps", validation_steps),
            )
            checks.append(validation.checks)
            validation_data = validation.arrays
        self.follow(data.first[0])
        self._check_images(data.first[0])
        with self._guarded(checks):
            if self._is_new():
                self.step_seed.draw(self.distribute_strategy)
            return super().fit(
                x=data.x,
                y=data.y,
                batch_size=batch_size,
                epochs=epochs,
                verbose=verbose,
                callbacks=self._with_guard(callbacks),
                validation_split=validation_split,
                validation_data=validation_data,
                # Keras warns that it cannot shuffle a dataset, which nobody asked for.
                shuffle=shuffle and not isinstance(data.x, tf.data.Dataset),
                sample_weight=data.sample_weight,
                initial_epoch=initial_epoch,
                steps_per_epoch=steps_per_epoch,
                validation_steps=validation_steps,
                validation_batch_size=validation_batch_size,
                validation_freq=validation_freq,
            )

    def evaluate(
        self,
        x=None,
        y=None,
        batch_size=None,
        verbose="auto",
        sample_weight=None,
        steps=None,
        callbacks=None,
        return_dict=False,
        **kwargs,
    ):
        """Measures what the steps of `fit` report, without training.

        Args:
            x: As in `fit`.
            y: As in `fit`.
            batch_size: As in `fit`.
            verbose: As in `keras.Model.evaluate`.
            sample_weight: As in `fit`.
            steps: As in `keras.Model.evaluate`.
            callbacks: List of `keras.callbacks.Callback`s.
            return_dict: Boolean. Whether to return a dict instead of a list.
            **kwargs: What `keras.Model.fit` hands over.

        Returns:
            List of the loss, its terms and the metrics, or a dict of them.

        Raises:
            ValueError: If images or labels do not suit the classifier, or there
                are none.
        """
        options = {
            "batch_size": batch_size,
            "verbose": verbose,
            "steps": steps,
            "return_dict": return_dict,
            **kwargs,
        }
        if kwargs:  # `fit` calls it for data that it has read and guards.
            return super().evaluate(
                x, y, sample_weight=sample_weight, callbacks=callbacks, **options
            )
        _check_batch_size("batch_size", batch_size)
        data = self._read(x, y, sample_weight, "x", ("steps", steps))
        self._check_images(data.first[0])
        with self._guarded([data.checks]):
            return super().evaluate(
                x=data.x,
                y=data.y,
                sample_weight=data.sample_weight,
                callbacks=self._with_guard(callbacks),
                **options,
            )

    def train_on_batch(self, x, y=None, sample_weight=None, **kwargs):
        data = self._read(x, y, sample_weight)
        if self._is_new():  # It takes passes of the classifier: not in every step.
            self.follow(data.first[0])
        with self._guarded():
            logs = super().train_on_batch(*data.arrays, **kwargs)
            self.batch_check.raise_if_found()
        return logs

    def test_on_batch(self, x, y=None, sample_weight=None, **kwargs):
        data = self._read(x, y, sample_weight)
        with self._guarded():
            logs = super().test_on_batch(*data.arrays, **kwargs)
            self.batch_check.raise_if_found()
        return logs

    def _read(self, x, y, sample_weight, argument="x", end=("steps", None)):
        """Returns the `Data` of what was handed over, checked."""
        self.check_order_of(x, argument)
        image_shape = self.input_shape[1:]
        data = read_data(
            x, y, sample_weight, image_shape, self.frozen.num_classes, argument, end
        )
        check_images(data.first[0], image_shape)
        return data

    def _is_new(self):
        """Returns whether no step was taken yet."""
        # Not by `int`, which fails for a variable on several devices.
        return tf.convert_to_tensor(self.optimizer.iterations).numpy() == 0

    def _with_guard(self, callbacks):
        """Returns callbacks after the one that ends a run after a bad batch."""
        guard = BatchGuard(self.batch_check)
        if isinstance(callbacks, keras.callbacks.CallbackList):
            guard.set_model(self)
            callbacks.callbacks.insert(0, guard)
            return callbacks
        return [guard, *([] if callbacks is None else tf.nest.flatten(callbacks))]

    @contextlib.contextmanager
    def _guarded(self, checks=()):
        """Turns what came up in a run into the one sentence it is about."""
        self.batch_check.clear()
        try:
            with warnings.catch_warnings():
                # Keras takes a dataset whose size is known only at its end, such as
                # files of which some may be broken, for a mistake.
                warnings.filterwarnings("ignore", "Your input ran out of data")
                # Batches that come as they come cannot be shuffled, which is no news.
                warnings.filterwarnings("ignore", "`shuffle=True` was passed")
                yield
        except tf.errors.OpError as error:
            for failure in (check.failure for check in checks):
                if failure is not None:
                    raise failure from None
            if isinstance(error, _LOST_WORKER) and in_several_processes(
                self.distribute_strategy
            ):
                raise RuntimeError(
                    "Training should go on with all its workers; start them all again, "
                    "and a `keras.callbacks.BackupAndRestore` given to `fit` goes on "
                    "from its last backup. Received: a worker is gone "
                    f"({type(error).__name__})"
                ) from error
            found = _OTHER_SHAPE.search(str(error))
            if found is None:
                raise
            shape = ast.literal_eval(found.group(1))
            check_image_shape(shape, self.input_shape[1:])

    def _check_images(self, images):
        check_images(images, self.input_shape[1:])
        if self._warned:
            return
        problem = self.preprocessing.range_problem(images)
        if problem:
            self._warned = True
            warnings.warn(problem, stacklevel=3)

    # === Steps ===

    def train_step(self, data):
        images, labels, weights = _tensors(data)
        variables = [v.value for v in self.trainable_variables]
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(variables)
            sound, loss, values, rows, kept = self._step(images, labels, weights, True)
            # Of this device alone: Keras adds up the gradients of all.
            scaled = self.optimizer.scale_loss(share_of_mean(loss))
        gradients = tape.gradient(scaled, variables)
        sound["loss"] = ops.all(ops.isfinite(loss))
        if not isinstance(self.optimizer, keras.optimizers.LossScaleOptimizer):
            # That one looks for itself, and goes on with a smaller scale.
            sound["gradients"] = ops.isfinite(tf.linalg.global_norm(gradients))
        update_if(self.batch_check.note(**sound), self._update, gradients)
        return self._step_logs(images, loss, values, rows, kept, weights)

    def _update(self, gradients):
        self.optimizer.apply_gradients(zip(gradients, self.trainable_variables))

    def test_step(self, data):
        images, labels, weights = _tensors(data)
        sound, loss, values, rows, kept = self._step(images, labels, weights, False)
        self.batch_check.note(**sound)
        return self._step_logs(images, loss, values, rows, kept, weights)

    def _step(self, images, labels, weights, training):
        """Returns what is sound of a batch, the loss, its terms, rows and answers."""
        classes, size = self.frozen.num_classes, ops.shape(images)[0]
        images = with_image_shape(images, self.input_shape[1:])
        images = tf.cast(images, "float32")
        sound = {"images": ops.all(ops.isfinite(images))}
        images = at_least_one(images)
        read = self.read(images, training)
        if labels is None:
            probabilities = self.frozen.probabilities(read["logits"])
            rows = predicted_rows(probabilities, self.frozen.multi_label)
        else:
            if labels.shape.rank is None or None in labels.shape[1:]:
                labels = with_known_shape(labels, size, classes)
            sound["labels"] = labels_are_valid(labels, classes)
            rows = at_least_one(labels_to_rows(labels, classes))
        values, kept = self.step_terms(images, read, rows, training)
        values = {name: value[:size] for name, value in values.items()}
        if weights is not None:
            weighted = {name: weights * values[name] for name in self.LOSS.TERMS}
            values = {**values, **weighted}
        loss = sum(values[name] for name in self.LOSS.TERMS)
        answers = self.frozen.probabilities(kept[:size])
        return sound, loss, values, rows[:size], answers

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


def _tensors(data):
    """Returns images, labels and weights (N,) of a batch, None where there are none."""
    images, labels, weights = keras.utils.unpack_x_y_sample_weight(data)
    if weights is not None:
        weights = tf.reshape(tf.cast(weights, "float32"), (-1,))
    labels = labels if labels is None else tf.convert_to_tensor(labels)
    return tf.convert_to_tensor(images), labels, weights


def _check_batch_size(name, batch_size):
    if batch_size is not None:
        check_option(name, batch_size, 1, whole=True)


def _as_triple(validation_data):
    """Returns validation data as images, labels and weights, as Keras reads a tuple."""
    if isinstance(validation_data, (tuple, list)) and 1 <= len(validation_data) <= 3:
        return (*validation_data, None, None)[:3]
    return validation_data, None, None
