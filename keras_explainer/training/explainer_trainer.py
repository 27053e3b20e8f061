"""How every trainable explainer is trained and evaluated, on data of every form."""

import contextlib
import warnings

import keras

from keras_explainer import backend
from keras_explainer.check_option import check_option
from keras_explainer.inputs.data_forms import read_data
from keras_explainer.inputs.images import check_images
from keras_explainer.inputs.tensorflow_data import is_dataset
from keras_explainer.training.batch_check import BatchGuard
from keras_explainer.training.compiled_explainer import CompiledExplainer
from keras_explainer.training.failures import told_in_a_sentence
from keras_explainer.training.learning_rate_decay import SET_RATES
from keras_explainer.training.learning_rate_decay import LearningRateDecay
from keras_explainer.training.learning_rate_decay import rate_set_back
from keras_explainer.training.validation_masks import in_order
from keras_explainer.training.validation_masks import masks_apart
from keras_explainer.value_of_variable import value_of_variable

# Images held out whose masks `fit` verifies at its end.
_VERIFIED = 16


class ExplainerTrainer(CompiledExplainer):
    """Trains and evaluates an explainer on data of every form."""

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

        A second `fit` trains on, with a learning rate that begins anew, high, and
        unsettles masks at first. `fit(x, epochs=20, initial_epoch=10)` after ten epochs
        goes on in the lower half of one curve instead.

        What steps draw follows `keras.utils.set_random_seed`: a training that begins,
        after `compile`, takes a seed from it, and one that goes on keeps its own, also
        from a file. Validation draws nothing.

        Args:
            x: Images (N, H, W, channels) as the classifier takes them, or batches of
                images, (images, labels), (images, labels, weights), or dicts with the
                keys "image" and "label": a `tf.data.Dataset`, a
                `keras.utils.PyDataset`, a generator, or a loader to iterate over. For a
                classifier of several inputs all of them, in its order or a dict by
                their names, stand wherever images do.
            y: Class indices (N,), or one-hot or multi-hot rows (N, C). Without
                labels the classifier's own predictions are explained.
            batch_size: int. Images per step, of all devices together. Defaults to 32.
            epochs: int. As in `keras.Model.fit`.
            verbose: As in `keras.Model.fit`. Unless 0, `fit` ends with the verdict on
                up to 16 images of `validation_data` (`Explanation.verdict`): how much
                of its answers the classifier keeps from the masks alone.
            callbacks: List of `keras.callbacks.Callback`s.
            validation_split: As in `keras.Model.fit`.
            validation_data: What is validated on after each epoch: (images, labels),
                or what `x` may be. With true masks (N, H, W) as a third part, or of the
                key "mask", 0 for background, 255 for void, anything else for the
                labelled objects, their IoU with the masks is measured as "val_iou", as
                `keras_explainer.callbacks.MaskQuality` does it.
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
        validation_data, quality = masks_apart(
            validation_data,
            "validation_data",
            validation_batch_size or batch_size,
            validation_steps,
            validation_freq,
        )
        if validation_data is not None:
            validation = self._read(
                *_as_triple(validation_data),
                "validation_data",
                ("validation_steps", validation_steps),
                bool(quality),
            )
            checks.append(validation.checks)
            validation_data = validation.arrays
        with self.read(data.first[0]) as images:
            self.follow(images)
            self._check_images(images)
        with self._guarded(checks), rate_set_back(self):
            if self._is_new():
                self.step_seed.draw(self)
            history = super().fit(
                x=data.x,
                y=data.y,
                batch_size=batch_size,
                epochs=epochs,
                verbose=verbose,
                callbacks=self._with_own(callbacks, *quality, epochs=epochs),
                validation_split=validation_split,
                validation_data=validation_data,
                # Keras warns that it cannot shuffle a dataset, which nobody asked for.
                shuffle=shuffle and not is_dataset(data.x),
                sample_weight=data.sample_weight,
                initial_epoch=initial_epoch,
                steps_per_epoch=steps_per_epoch,
                validation_steps=validation_steps,
                validation_batch_size=validation_batch_size,
                validation_freq=validation_freq,
            )
        if verbose and validation_data is not None:
            self._tell_verdict(validation.first[0])
        return history

    def _tell_verdict(self, x):
        """Prints what masks of a few images that are held out prove."""
        if backend.in_several_processes(self):
            return
        explanation = self.explain(
            self.model_inputs.rows(x, slice(_VERIFIED)), verify=True
        )
        count = len(explanation.masks)
        whose = "1 image" if count == 1 else f"{count} images"
        verdict = explanation.verdict()
        print(f"On {whose} that training did not see: {verdict}")

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
            List of the loss, its terms and the metrics, or a dict of them; of data with
            true masks, as `fit` takes them for validation, also of metrics of masks.

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
        x, quality = masks_apart(x, "x", batch_size, steps)
        data = self._read(x, y, sample_weight, "x", ("steps", steps), bool(quality))
        with self.read(data.first[0]) as images:
            self._check_images(images)
        with self._guarded([data.checks]):
            logs = super().evaluate(
                x=data.x,
                y=data.y,
                sample_weight=data.sample_weight,
                callbacks=self._with_own(callbacks),
                **options,
            )
        if not quality:
            return logs
        values = quality[0].measure(self)
        return {**logs, **values} if return_dict else [*logs, *values.values()]

    def train_on_batch(self, x, y=None, sample_weight=None, **kwargs):
        data = self._read(x, y, sample_weight)
        if self._is_new():  # It takes passes of the classifier: not in every step.
            with self.read(data.first[0]) as images:
                self.follow(images)
        with self._guarded():
            logs = super().train_on_batch(*data.arrays, **kwargs)
            self.batch_check.raise_if_found(self)
        return logs

    def test_on_batch(self, x, y=None, sample_weight=None, **kwargs):
        data = self._read(x, y, sample_weight)
        with self._guarded():
            logs = super().test_on_batch(*data.arrays, **kwargs)
            self.batch_check.raise_if_found(self)
        return logs

    def _read(
        self,
        x,
        y,
        sample_weight,
        argument="x",
        end=("steps", None),
        leaves_masks=False,
    ):
        """Returns the `Data` of what was handed over, checked."""
        self.check_order_of(x, argument)
        image_shape = self.frozen.input_shape
        data = read_data(
            x,
            y,
            sample_weight,
            image_shape,
            self.frozen.num_classes,
            argument,
            end,
            leaves_masks,
            self.model_inputs,
        )
        images, _ = self.model_inputs.split(data.first[0])
        check_images(images, image_shape, argument)
        return data

    @contextlib.contextmanager
    def read(self, x):
        """Gives the images of inputs in order; the classifier then has the others.

        Args:
            x: Images, or a tuple of all inputs of the classifier in its order.
        """
        images, others = self.model_inputs.split(x)
        with self.frozen.given(others):
            yield images

    def _is_new(self):
        """Returns whether no step was taken yet."""
        # Not by `int`, which fails for a variable on several devices.
        return value_of_variable(self.optimizer.iterations) == 0

    def _with_own(self, callbacks, *own, epochs=None):
        """Returns callbacks after those of `fit` and `evaluate` themselves.

        Args:
            callbacks: Those that were given, in any form that Keras takes.
            *own: Callbacks that measure masks.
            epochs: int, over which the learning rate may fall, or None: no training.
        """
        is_list = isinstance(callbacks, keras.callbacks.CallbackList)
        given = keras.tree.flatten(callbacks.callbacks if is_list else callbacks or [])
        first = [BatchGuard(self.batch_check), *own]
        if epochs and not any(isinstance(each, SET_RATES) for each in given):
            first.append(LearningRateDecay(epochs))
        ordered = in_order(given, first, self)
        if not is_list:
            return ordered
        for callback in first:
            callback.set_model(self)
            callback.set_params(callbacks.params)
        callbacks.callbacks = ordered
        return callbacks

    @contextlib.contextmanager
    def _guarded(self, checks=()):
        """Turns what came up in a run into the one sentence it is about."""
        self.batch_check.clear()
        with told_in_a_sentence(self, checks):
            yield

    def _check_images(self, images):
        check_images(images, self.frozen.input_shape, "images")
        if self._warned:
            return
        problem = self.preprocessing.range_problem(images)
        if problem:
            self._warned = True
            warnings.warn(problem, stacklevel=3)


def _check_batch_size(name, batch_size):
    if batch_size is not None:
        check_option(name, batch_size, 1, whole=True)


def _as_triple(validation_data):
    """Returns validation data as images, labels and weights, as Keras reads a tuple."""
    if isinstance(validation_data, (tuple, list)) and 1 <= len(validation_data) <= 3:
        return (*validation_data, None, None)[:3]
    return validation_data, None, None
