"""Bounded logit attention: the cells that an answer can rest on."""

import keras
import numpy as np
from keras import ops

from keras_explainer import backend
from keras_explainer import layers
from keras_explainer.classifiers.frozen_classifier import FrozenClassifier
from keras_explainer.explainers.base_explainer import BaseExplainer
from keras_explainer.explainers.binary_mask_logits import shared_binary_mask_logits
from keras_explainer.explainers.relevance import graded_selection
from keras_explainer.inputs.labels import label_accuracy
from keras_explainer.layers.bounded_logit_attention import equal_weights
from keras_explainer.layers.bounded_logit_attention import pooled
from keras_explainer.losses.classifier_terms import classification_loss
from keras_explainer.losses.selection_loss import SelectionLoss

_VARIANTS = ("bla-ph", "bla", "bla-t", "l2x-f")
_DROPOUT = 0.2


@keras.saving.register_keras_serializable(package="keras_explainer")
class BoundedLogitAttentionExplainer(BaseExplainer):
    """Explains a classifier by the cells of its final feature map that suffice.

    `keras_explainer.layers.BoundedLogitAttention` takes the place of pooling: the
    cells that it selects are the explanation, of the answer as a whole, so that the
    masks of all classes are the same. It masks features, not pixels: a cell has
    seen more of the image than its own place.

    "bla-ph" keeps the classifier's own head, and so explains the classifier itself.
    The other variants train a new dense head, from the classifier's where that is
    dense: what they explain is that head's answer.

    Every step reports what share of the labels is right: "base_accuracy" of the
    classifier, "soft_accuracy" with the weights of training, "hard_accuracy" with
    the selection alone; and "cell_share", the share of the cells that is selected.

    Args:
        classifier: A Keras classifier, as for `ExplainerModel`.
        variant: "bla-ph", "bla", "bla-t" or "l2x-f".
        temperature: As for the layer; the softmax is that of logits / temperature.
        threshold: As for the layer; of "bla-t" and "bla-ph".
        leak: As for the layer.
        selected: As for the layer; of "l2x-f".
        multi_label: As for `ExplainerModel`.
        image_input: As for `ExplainerModel`.
        output: As for `ExplainerModel`.
        **kwargs: `preprocess_input`, `background`, `class_names`, `upsampling`
            ("bilinear" here by default), `dense_crf` and `name`, as for
            `ExplainerModel`.

    Call arguments:
        images: float32 (N, H, W, channels), as the classifier takes them.

    Returns:
        Dict of "coarse_masks" (N, h, w, C), 0 or 1, at the final feature map, and
        "probabilities" (N, C), the classifier's own.

    Raises:
        ValueError: If an argument is none of these, or the classifier's head does not
            suit "bla-ph": pooling, or flattening before a dense layer.

    Example:

    ```python
    explainer = keras_explainer.BoundedLogitAttentionExplainer(classifier)
    explainer.fit(dataset)
    explainer.evaluate(validation, return_dict=True)["hard_accuracy"]
    ```

    Reference:
        Baumhauer et al., "Bounded logit attention: Learning to explain image
        classifiers", 2021.
    """

    LOSS = SelectionLoss
    hides_pixels = False  # but cells of the feature map
    MEASURES = ("base_accuracy", "soft_accuracy", "hard_accuracy", "cell_share")
    LEARNING_RATE = 1e-3

    def __init__(
        self,
        classifier,
        variant="bla-ph",
        *,
        temperature=10.0,
        threshold=0.98,
        leak=0.01,
        selected=8,
        multi_label="auto",
        image_input=None,
        output=None,
        **kwargs,
    ):
        if variant not in _VARIANTS:
            raise ValueError(
                f"Argument `variant` should be one of {_VARIANTS}. "
                f"Received: {variant!r}"
            )
        # === Layers ===
        frozen = FrozenClassifier(
            classifier,
            multi_label,
            image_input=image_input,
            output=output,
            name="frozen_classifier",
        )
        attention = layers.BoundedLogitAttention(
            "bla-t" if variant == "bla-ph" else variant,
            temperature,
            threshold,
            leak,
            selected,
            name="attention",
        )
        head = None
        if variant != "bla-ph":
            if frozen.other_inputs:
                raise ValueError(
                    'Argument `variant` should be "bla-ph", for a classifier of '
                    "several inputs; a head of its own would see images alone. "
                    f"Received: {variant!r}"
                )
            head = _head_like(frozen)
        elif frozen.cell_head is None:
            raise ValueError(
                'Argument `variant` should be "bla", "bla-t" or "l2x-f" for a '
                "classifier whose head is neither pooling nor flattening before a "
                f"dense layer. Received: {variant!r}"
            )

        def masks_of(features, classes=None):
            selection = attention.selection(attention.logits(features))
            return shared_binary_mask_logits(selection, classes, frozen.num_classes)

        def decode(images, outputs):
            features = outputs["features"][0]
            attention.build(features.shape)
            attention.built = True
            # One operation, since its parts need to know the number of cells.
            shape = (*features.shape[1:3], frozen.num_classes)
            return keras.layers.Lambda(masks_of, shape, dtype="float32")(features)

        # === Functional Model ===
        super().__init__(frozen, decode, **kwargs)

        # === Config ===
        self.attention = attention
        self.head = head
        self.variant = variant
        self._masks_of = masks_of
        self.compile()

    def trained_layers(self):
        return [self.attention, self.head]

    def class_logits(self, images, outputs, classes=None, training=False):
        return self._masks_of(outputs["features"][0], classes)

    def relevance_cells(self, logits, outputs, classes):
        """Returns relevance (N, h, w, K) in [0, 1], of how cells are selected."""
        return graded_selection(logits, self.attention.logits(outputs["features"][0]))

    def step_terms(self, images, outputs, labels, training):
        features = outputs["features"][0]
        step = self.step_seed.of_step(self.optimizer.iterations)
        logits = self.attention.logits(features)
        selection = self.attention.selection(logits)
        # Validation draws nothing.
        drawn = training or self.variant != "l2x-f"
        weights = self.attention.weights_of(logits, [step, 1]) if drawn else selection
        vectors = pooled(features, weights)
        if training and self.head is not None:
            vectors = vectors * _dropout(ops.shape(vectors), [step, 2])
        soft = self._answer(vectors)
        hard = self._answer(pooled(features, equal_weights(selection)))
        loss, multi_label = self.explainer_loss, self.frozen.multi_label
        size = ops.mean(weights / ops.max(weights, (1, 2), keepdims=True), (1, 2))
        return {
            "classification": loss.classification_weight
            * classification_loss(soft, labels, multi_label),
            "size": loss.size_weight * size,
            "base_accuracy": label_accuracy(outputs["logits"], labels, multi_label),
            "soft_accuracy": label_accuracy(soft, labels, multi_label),
            "hard_accuracy": label_accuracy(hard, labels, multi_label),
            "cell_share": ops.mean(selection, axis=(1, 2)),
        }, hard

    def _answer(self, vectors):
        if self.head is not None:
            return self.head(vectors)
        return self.frozen.cell_head(vectors)

    def get_config(self):
        return {
            **super().get_config(),
            "variant": self.variant,
            "temperature": self.attention.temperature,
            "threshold": self.attention.threshold,
            "leak": self.attention.leak,
            "selected": self.attention.selected,
        }


def _dropout(shape, seed):
    """Returns 0 in a random share of places, and elsewhere what makes up for it."""
    draws = backend.uniform_per_image(shape, seed)
    return ops.cast(draws >= _DROPOUT, "float32") / (1.0 - _DROPOUT)


def _head_like(frozen):
    """Returns a dense layer that answers as the classifier's head, if that is dense."""
    channels = frozen.level_shapes[0][-1]
    head = keras.layers.Dense(frozen.num_classes, dtype="float32", name="head")
    head.build((None, channels))
    if frozen.cell_head is not None:
        bias, *rows = ops.convert_to_numpy(
            frozen.cell_head(ops.eye(channels + 1, channels, -1, dtype="float32"))
        )
        kernel = np.stack(rows) - bias
        probe = np.random.default_rng(0).uniform(size=(8, channels)).astype("float32")
        answers = ops.convert_to_numpy(frozen.cell_head(ops.convert_to_tensor(probe)))
        if np.allclose(answers, probe @ kernel + bias, rtol=1e-2, atol=1e-2):
            head.set_weights([kernel, bias])
    return head
