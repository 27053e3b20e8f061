"""How an explainer is compiled: its objective, what is trained, what is reported."""

import types

import keras
from keras import ops

from keras_explainer import backend
from keras_explainer.keras_internals import BuildsItself
from keras_explainer.keras_internals import build_metrics
from keras_explainer.losses.function_loss import FunctionLoss
from keras_explainer.metrics.mask_metric import MaskMetric
from keras_explainer.training.batch_check import BatchCheck
from keras_explainer.training.step import TrainingStep


class CompiledExplainer(BuildsItself, TrainingStep):
    """A model around a frozen classifier with an objective of named terms.

    A system sets `LOSS`, the class of its objective (with its `TERMS`), and adds
    `trained_layers` and `step_terms`; `MEASURES` names what a step measures besides.
    """

    LOSS = None
    MEASURES = ()
    LEARNING_RATE = 2e-3
    # The part of it that it falls to over the steps of `fit`, or None: it stays.
    FINAL_RATE_SHARE = None

    def trained_layers(self):
        """Returns the layers that are trained, some of them perhaps None."""
        raise TypeError(f"{type(self).__name__} should define `trained_layers`.")

    def step_terms(self, images, outputs, labels, training):
        """Computes what a step learns from.

        Args:
            images: Tensor (N, H, W, channels).
            outputs: Dict of what the frozen classifier gives for the images.
            labels: Multi-hot tensor (N, C).
            training: Boolean.

        Returns:
            Tuple of a dict from each of `loss_terms` and `MEASURES` to a tensor (N,),
            and the logits (N, C) of what the masks keep.
        """
        raise TypeError(f"{type(self).__name__} should define `step_terms`.")

    def compile(
        self,
        optimizer="auto",
        loss="auto",
        *,
        metrics=None,
        jit_compile="auto",
        **kwargs,
    ):
        """Configures training; called on construction with "auto" settings.

        Args:
            optimizer: A Keras optimizer, or "auto": Adam with a learning rate of
                `LEARNING_RATE`, which falls over `fit` if there is a
                `FINAL_RATE_SHARE`.
            loss: The system's objective, such as `ExplainerLoss` for
                `ExplainerModel`, or "auto" for its defaults.
            metrics: List of Keras metrics of the labels and the probabilities that
                the classifier gives to the masked images, and of metrics of masks of
                `keras_explainer.metrics`, measured where data hold true masks.
            jit_compile: Boolean, or "auto". Whether XLA compiles the steps. On
                TensorFlow it fails at some networks on a GPU, so that "auto" is False;
                on JAX it always does.
            **kwargs: As in `keras.Model.compile`.

        Raises:
            ValueError: If `loss` is not an objective of this system.
        """
        is_auto = isinstance(optimizer, str) and optimizer == "auto"
        if is_auto:
            optimizer = keras.optimizers.Adam(self.LEARNING_RATE)
        loss = self.LOSS() if isinstance(loss, str) and loss == "auto" else loss
        if not isinstance(loss, (self.LOSS, FunctionLoss)):
            raise ValueError(
                "Argument `loss` should be a "
                f'`keras_explainer.losses.{self.LOSS.__name__}` or "auto". '
                f"Received: {loss!r}"
            )
        given = keras.tree.flatten(metrics) if metrics else []
        # Out of the sight of Keras, which reports every metric of a model in each step.
        self._of_masks = types.SimpleNamespace(
            metrics=[metric for metric in given if isinstance(metric, MaskMetric)]
        )
        if self.mask_metrics:
            metrics = [each for each in given if not isinstance(each, MaskMetric)]
        super().compile(
            optimizer=optimizer,
            loss=None,
            metrics=metrics or None,
            jit_compile=backend.compiles_steps(jit_compile),
            **kwargs,
        )
        self.explainer_loss = loss
        self.has_auto_optimizer = is_auto
        with backend.device_scope(self):
            self.batch_check = BatchCheck(self.frozen.num_classes)
        # Built at once, so that an explainer that was never fitted reloads alike.
        self.optimizer.build(self.trainable_variables)

    @property
    def learning_rate_falls(self):
        """Whether `fit` lets the learning rate fall, unless a callback sets it."""
        return self.has_auto_optimizer and self.FINAL_RATE_SHARE is not None

    @property
    def mask_metrics(self):
        """The metrics of masks given to `compile`."""
        return self._of_masks.metrics

    @property
    def loss_terms(self):
        """The names of the terms whose sum is the loss."""
        return self.explainer_loss.TERMS

    @property
    def _term_trackers(self):
        """The means of what this loss reports, of all that the system may report."""
        names = {*self.loss_terms, *self.MEASURES}
        return [tracker for tracker in self.term_trackers if tracker.name in names]

    @property
    def metrics(self):
        unused = {*map(id, self.term_trackers)} - {*map(id, self._term_trackers)}
        return [metric for metric in super().metrics if id(metric) not in unused]

    def get_compile_config(self):
        serialize = keras.saving.serialize_keras_object
        config = super().get_compile_config() or {}
        config = {**config, "loss": serialize(self.explainer_loss)}
        if self.has_auto_optimizer:
            config["optimizer"] = "auto"
        if self.mask_metrics:
            others = config.get("metrics") or []
            config["metrics"] = [*others, *map(serialize, self.mask_metrics)]
        return config

    def compile_from_config(self, config):
        config = keras.saving.deserialize_keras_object(config)
        self.compile(**config)

    @property
    def trainable_variables(self):
        return self._of_trained_layers("trainable_variables")

    trainable_weights = trainable_variables

    # The first Kerases leave out layers that are attributes, but not in the graph.
    @property
    def variables(self):
        return self._with_trained(super().variables, "variables")

    @property
    def weights(self):
        return self._with_trained(super().weights, "weights")

    def _with_trained(self, found, kind):
        known = {id(variable) for variable in found}
        more = self._of_trained_layers(kind)
        return [*found, *(v for v in more if id(v) not in known)]

    def _of_trained_layers(self, kind):
        # PyTorch asks before the layers are there.
        layers = self.trained_layers() if hasattr(self, "explainer_loss") else []
        trained = [layer for layer in layers if layer]
        return [variable for layer in trained for variable in getattr(layer, kind)]

    @property
    def variables_not_trained(self):
        trained = {id(v) for v in self.trainable_variables}
        return [v for v in self.variables if id(v) not in trained]

    @property
    def non_trainable_variables(self):
        return [*self.variables_not_trained, *backend.steps_state(self.batch_check)]

    @property
    def non_trainable_weights(self):
        trained = {id(v) for v in self.trainable_variables}
        return [v for v in self.weights if id(v) not in trained]

    def step_logs(self, batch, loss, terms, labels, answers):
        """Updates what `fit` reports by a step, and returns it."""
        tracker = next(metric for metric in self.metrics if metric.name == "loss")
        tracker.update_state(loss)
        for tracker in self._term_trackers:
            tracker.update_state(terms[tracker.name])
        images, weights = batch.images, batch.weights
        logs = self.compute_metrics(images, labels, answers, sample_weight=weights)
        if not backend.in_several_processes(self):
            return logs
        # Keras takes the mean of all workers' logs over an axis that it expects.
        return {name: ops.reshape(value, (1,)) for name, value in logs.items()}

    def build_before_data(self):
        # All is built but metrics asked for, of labels and probabilities.
        with backend.device_scope(self):
            build_metrics(self, (None, self.frozen.num_classes))
