"""Learning to explain: a fixed number of cells from which the answer is guessed."""

import keras
from keras import layers
from keras import ops

from keras_explainer.check_option import check_choice
from keras_explainer.classifiers.frozen_classifier import FrozenClassifier
from keras_explainer.decoders.cell_selector import CellSelector
from keras_explainer.explainers.base_explainer import BaseExplainer
from keras_explainer.explainers.binary_mask_logits import shared_binary_mask_logits
from keras_explainer.explainers.own_encoder import own_encoder
from keras_explainer.explainers.relevance import graded_selection
from keras_explainer.inputs.labels import label_accuracy
from keras_explainer.layers.cell_selection import drawn_cells
from keras_explainer.layers.cell_selection import largest_cells
from keras_explainer.losses.classifier_terms import classification_loss
from keras_explainer.losses.selection_loss import SelectionLoss


@keras.saving.register_keras_serializable(package="keras_explainer")
class L2XExplainer(BaseExplainer):
    """Explains a classifier by the few cells from which its answer can be guessed.

    A selector picks `selected` cells of the image; a predictor, trained along, guesses
    the classifier's answer from them alone. The selection explains the answer as a
    whole, so that the masks of all classes are the same.

    A baseline, with a known fault: the two networks may agree on a code, in which the
    place of the cells tells the answer and their content nothing. It shows when
    "predictor_accuracy" (of the predictor) stays above "kept_accuracy" (of the
    classifier itself, on the same cells), both reported at every step, and in
    `keras_explainer.metrics.label_encoding`. `predictor="classifier"` lets the
    classifier judge instead, which cannot learn the code.

    Args:
        classifier: A Keras classifier, as for `ExplainerModel`. For one without a
            feature map a small encoder of its own is trained along.
        grid: int. Cells along each side of the image.
        selected: int. Cells that are selected.
        temperature: float. Of the draws in training; the lower, the harder.
        predictor: "joint", or "classifier".
        multi_label: As for `ExplainerModel`.
        image_input: As for `ExplainerModel`.
        output: As for `ExplainerModel`.
        **kwargs: `preprocess_input`, `background`, `class_names`, `upsampling`
            ("bilinear" here by default), `dense_crf` and `name`, as for
            `ExplainerModel`.

    Call arguments:
        images: float32 (N, H, W, channels), as the classifier takes them.

    Returns:
        Dict of "coarse_masks" (N, grid, grid, C), 0 or 1, and "probabilities" (N, C),
        the classifier's own.

    Raises:
        ValueError: If an argument is none of these.

    Example:

    ```python
    explainer = keras_explainer.L2XExplainer(classifier, selected=8)
    explainer.fit(dataset)
    ```

    Reference:
        Chen et al., "Learning to Explain: An Information-Theoretic Perspective on
        Model Interpretation", ICML 2018.
    """

    LOSS = SelectionLoss
    MEASURES = ("predictor_accuracy", "kept_accuracy")
    LEARNING_RATE = 1e-3

    def __init__(
        self,
        classifier,
        *,
        grid=8,
        selected=8,
        temperature=0.5,
        predictor="joint",
        multi_label="auto",
        image_input=None,
        output=None,
        **kwargs,
    ):
        check_choice("predictor", predictor, ("joint", "classifier"))
        if not 0 < selected < grid**2:
            raise ValueError(
                "Argument `selected` should be a number of cells, at least 1 and less "
                f"than those of the grid, {grid**2}. Received: {selected!r}"
            )
        if not temperature > 0:
            raise ValueError(
                f"Argument `temperature` should be positive. Received: {temperature!r}"
            )

        # === Layers ===
        frozen = FrozenClassifier(
            classifier,
            multi_label,
            image_input=image_input,
            output=output,
            name="frozen_classifier",
        )
        encoder = own_encoder(frozen)
        selector = CellSelector(grid, name="selector")
        guess = None
        if predictor == "joint":
            guess = _predictor(frozen.image_shape[-1], frozen.num_classes)

        def masks_of(logits, classes=None):
            selection = largest_cells(logits, selected)
            return shared_binary_mask_logits(selection, classes, frozen.num_classes)

        def decode(images, outputs):
            shape = (grid, grid, frozen.num_classes)
            one_operation = keras.layers.Lambda(masks_of, shape, dtype="float32")
            return one_operation(selector(outputs["features"]))

        # === Functional Model ===
        super().__init__(frozen, decode, own_encoder=encoder, **kwargs)

        # === Config ===
        self.selector = selector
        self.guess = guess
        self.grid = grid
        self.selected = selected
        self.temperature = temperature
        self.predictor = predictor
        self._masks_of = masks_of
        self.compile()

    def trained_layers(self):
        return [self.own_encoder, self.selector, self.guess]

    def class_logits(self, images, outputs, classes=None, training=False):
        return self._masks_of(self.selector(outputs["features"]), classes)

    def relevance_cells(self, logits, outputs, classes):
        """Returns relevance (N, h, w, K) in [0, 1], of how cells are selected."""
        return graded_selection(logits, self.selector(outputs["features"]))

    def step_terms(self, images, outputs, labels, training):
        loss, multi_label = self.explainer_loss, self.frozen.multi_label
        logits = self.selector(outputs["features"])
        chosen = largest_cells(logits, self.selected)
        cells = chosen
        if training:
            step = self.step_seed.of_step(self.optimizer.iterations)
            cells = drawn_cells(logits, self.selected, self.temperature, [step, 1])

        shown = self.behind_cells(images, chosen)
        kept = self.frozen.logits(shown)
        answers = self.frozen.probabilities(outputs["logits"])
        guessed = self._guessed(self.behind_cells(images, cells), images)
        return {
            "classification": loss.classification_weight
            * classification_loss(guessed, answers, multi_label),
            "size": loss.size_weight * ops.mean(cells, axis=(1, 2)),
            "predictor_accuracy": label_accuracy(
                self._guessed(shown, images), labels, multi_label
            ),
            "kept_accuracy": label_accuracy(kept, labels, multi_label),
        }, kept

    def _guessed(self, pictures, images):
        if self.guess is None:
            return self.frozen.logits(pictures)
        return self.guess((pictures - self.background.color) / self.half_range(images))

    def get_config(self):
        return {
            **super().get_config(),
            "grid": self.grid,
            "selected": self.selected,
            "temperature": self.temperature,
            "predictor": self.predictor,
        }


def _predictor(channels, num_classes):
    """Returns a small network from pictures (N, H, W, channels) to logits (N, C)."""
    pictures = keras.Input((None, None, channels))
    x = pictures
    for width in (32, 64, 64):
        x = layers.Conv2D(
            width, 3, strides=2, padding="same", activation="relu", dtype="float32"
        )(x)
    # The maximum, since nearly all of a picture is removed.
    x = layers.GlobalMaxPooling2D(dtype="float32")(x)
    logits = layers.Dense(num_classes, dtype="float32")(x)
    return keras.Model(pictures, logits, name="predictor")
