"""Discrete masks: cells that are kept or removed, learned by policy gradient."""

import math

import keras
from keras import ops

from keras_explainer import backend
from keras_explainer.classifiers.frozen_classifier import FrozenClassifier
from keras_explainer.decoders.class_head import ClassHead
from keras_explainer.decoders.unet import UNetDecoder
from keras_explainer.explainers.base_explainer import BaseExplainer
from keras_explainer.explainers.binary_mask_logits import binary_mask_logits
from keras_explainer.explainers.binary_mask_logits import margins_of
from keras_explainer.explainers.own_encoder import own_encoder
from keras_explainer.explainers.relevance import graded
from keras_explainer.image_operations.resize import resize_antialiased
from keras_explainer.image_operations.resize import resize_bilinear
from keras_explainer.losses.classifier_terms import evidence_loss
from keras_explainer.losses.discrete_mask_loss import DiscreteMaskLoss
from keras_explainer.losses.policy_gradient import policy_gradient
from keras_explainer.losses.policy_gradient import published_policy_loss
from keras_explainer.training.draws import drawn_label
from keras_explainer.training.draws import likeliest_label

# The published code averages over 15 of 224 pixels.
_POOLED_SHARE = 15 / 224


@keras.saving.register_keras_serializable(package="keras_explainer")
class DiscreteMaskExplainer(BaseExplainer):
    """Explains a frozen classifier by masks whose cells are either kept or not.

    A generator gives each cell the chance to be kept. In a training step masks are
    drawn, the classifier judges the images behind them, and the policy gradient of that
    cost (`policy_gradient`) moves the chances; every step explains one label of each
    image, validation the likeliest one. The classifier's input gradients help: as
    slopes of the cost, which reduce the variance of its gradient. What is shown is
    hard: cells with a chance of at least `threshold`.

    Args:
        classifier: A Keras classifier, as for `ExplainerModel`. For one without a
            feature map a small encoder of its own is trained along.
        grid: int. Cells along each side of the masks that are drawn.
        estimator: "reinforce", or "published" for the surrogate of the authors' code
            (`published_policy_loss`), by default with their weights.
        baseline: "leave_one_out", "greedy" or None. What the cost of a drawn mask is
            compared with.
        samples: int. Masks drawn for each image of a step, at least 2 to leave one
            out; the published surrogate draws one.
        slopes: Boolean. Whether the classifier's input gradients at the mean mask take
            their part of the cost out of the sampling. They cost a pass with gradient,
            and on drawn shapes did worse at equal time.
        threshold: float between 0 and 1. The published one is 0.35.
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
    explainer = keras_explainer.DiscreteMaskExplainer(classifier)
    explainer.fit(dataset)
    explanation = explainer.explain(images)
    ```

    Reference:
        Yuan et al., "Interpreting Image Classifiers by Generating Discrete Masks",
        IEEE TPAMI 2022.
    """

    LOSS = DiscreteMaskLoss

    def __init__(
        self,
        classifier,
        *,
        grid=14,
        estimator="reinforce",
        baseline="leave_one_out",
        samples=2,
        slopes=False,
        threshold=0.5,
        multi_label="auto",
        image_input=None,
        output=None,
        **kwargs,
    ):
        _check_choice("estimator", estimator, ("reinforce", "published"))
        _check_choice("baseline", baseline, ("leave_one_out", "greedy", None))
        _check_numbers(grid, samples, baseline, threshold)
        # === Layers ===
        frozen = FrozenClassifier(
            classifier,
            multi_label,
            image_input=image_input,
            output=output,
            name="frozen_classifier",
        )
        encoder = own_encoder(frozen)
        decoder = UNetDecoder(name="decoder")
        head = ClassHead(frozen.num_classes, name="class_head")

        def chance_logits(outputs, classes=None):
            logits = head(
                decoder(outputs["features"]), outputs.get("evidence"), classes
            )
            logits = resize_bilinear(logits, (grid, grid))
            return logits if estimator == "reinforce" else _pooled(logits)

        def decode(images, outputs, classes=None):
            margins = chance_logits(outputs, classes) - math.log(
                threshold / (1.0 - threshold)
            )
            return binary_mask_logits(margins)

        # === Functional Model ===
        super().__init__(frozen, decode, own_encoder=encoder, **kwargs)

        # === Config ===
        self.decoder = decoder
        self.class_head = head
        self._chance_logits = chance_logits
        self._decode = decode
        self.grid = grid
        self.estimator = estimator
        self.baseline = baseline
        self.samples = samples
        self.slopes = slopes
        self.threshold = threshold
        self.compile()

    def compile(self, optimizer="auto", loss="auto", **kwargs):
        if loss == "auto" and self.estimator == "published":
            loss = self.LOSS.published()
        super().compile(optimizer, loss, **kwargs)

    def trained_layers(self):
        return [self.own_encoder, self.decoder, self.class_head]

    def class_logits(self, images, outputs, classes=None, training=False):
        return self._decode(images, outputs, classes)

    def relevance_cells(self, logits, outputs, classes):
        """Returns relevance (N, h, w, K) in [0, 1], of the chances to be kept."""
        return graded(margins_of(logits))

    def step_terms(self, images, outputs, labels, training):
        loss = self.explainer_loss
        step = self.step_seed.of_step(self.optimizer.iterations)
        classes, known = (
            drawn_label(labels, step)
            if training
            else likeliest_label(labels, outputs["logits"])
        )
        logits = self._chance_logits(outputs, classes)[..., 0]
        chances = ops.stop_gradient(ops.sigmoid(logits))
        greedy = ops.cast(chances >= self.threshold, "float32")

        def picture(masks):
            return self.behind_cells(images, masks)

        def judged(mask, kept=None):
            """Returns the cost (N,) of what a mask keeps and leaves, and logits."""
            kept = self.frozen.logits(picture(mask)) if kept is None else kept
            answers = self.frozen.log_probabilities(kept)
            answers = ops.take_along_axis(answers, classes, axis=-1)[:, 0]
            cost = -loss.classification_weight * known * answers
            if loss.evidence_weight:
                left = self.frozen.log_odds(self.frozen.logits(picture(1.0 - mask)))
                left = ops.take_along_axis(left, classes, axis=-1)
                left = evidence_loss(left, known[:, None], reduction="none")
                cost = cost + loss.evidence_weight * left
            return cost, kept

        if not training:
            cost, kept = judged(greedy)
            return {"classification": cost, **loss.mask_terms(greedy)}, kept

        masks = self._drawn_masks(chances, step)
        if self.estimator == "published":
            terms = loss.mask_terms(masks[0])
            kept, saliency = self._saliency(picture(masks[0]), classes)
            cost, _ = judged(masks[0], kept)
            value = published_policy_loss(
                logits, masks[0], cost + sum(terms.values()), saliency
            )
            return {**terms, "classification": _with_gradient(cost, value)}, kept

        costs, answers = zip(*map(judged, masks))
        costs = ops.stack(costs)
        baseline, slopes = self.baseline, None
        if baseline == "greedy":
            baseline = greedy, judged(greedy)[0]
        if self.slopes:
            slopes = backend.value_and_slope(judged, chances)[2]
        value = policy_gradient(logits, masks, costs, baseline, slopes)
        terms = loss.mask_terms(ops.sigmoid(logits))
        cost = ops.mean(costs, axis=0)
        return {**terms, "classification": _with_gradient(cost, value)}, answers[0]

    def _drawn_masks(self, chances, step):
        """Returns a list of masks, drawn by the step only."""
        count = 1 if self.estimator == "published" else self.samples
        # Images come first, so that those of a smaller batch get the same masks.
        shape = (ops.shape(chances)[0], count, self.grid, self.grid)
        noise = backend.uniform_per_image(shape, [step, 1])
        return [ops.cast(noise[:, i] < chances, "float32") for i in range(count)]

    def _saliency(self, pictures, classes):
        """Returns logits, and the size of the class's input gradient in each cell."""

        def score(pictures):
            kept = self.frozen.logits(pictures)
            return ops.take_along_axis(kept, classes, axis=-1), kept

        _, kept, slopes = backend.value_and_slope(score, pictures)
        sizes = ops.max(ops.abs(slopes), axis=-1)
        cells = resize_antialiased(sizes[..., None], (self.grid, self.grid))[..., 0]
        ranked = ops.sort(ops.reshape(cells, (-1, self.grid**2)), axis=-1)
        low, high = ranked[:, :1, None], ranked[:, int(0.99 * self.grid**2), None, None]
        return kept, ops.clip((cells - low) / (high - low + 1e-12), 0.0, 1.0)

    def get_config(self):
        return {
            **super().get_config(),
            "grid": self.grid,
            "estimator": self.estimator,
            "baseline": self.baseline,
            "samples": self.samples,
            "slopes": self.slopes,
            "threshold": self.threshold,
        }


def _with_gradient(cost, value):
    """Returns the cost, with the gradient of another value."""
    return ops.stop_gradient(cost - value) + value


def _pooled(logits):
    """Returns the log-odds of chances that are averaged over their neighbours."""
    half = round((_POOLED_SHARE * logits.shape[1] - 1) / 2)
    chances = ops.average_pool(
        ops.sigmoid(logits), 2 * half + 1, strides=1, padding="same"
    )
    chances = ops.clip(chances, 1e-6, 1.0 - 1e-6)
    return ops.log(chances) - ops.log(1.0 - chances)


def _check_numbers(grid, samples, baseline, threshold):
    least = 2 if baseline == "leave_one_out" else 1
    for argument, value, lowest in (("grid", grid, 2), ("samples", samples, least)):
        if not isinstance(value, int) or value < lowest:
            raise ValueError(
                f"Argument `{argument}` should be a whole number from {lowest}. "
                f"Received: {value!r}"
            )
    if not 0 < threshold < 1:
        raise ValueError(
            "Argument `threshold` should be a number between 0 and 1. "
            f"Received: {threshold!r}"
        )


def _check_choice(argument, value, choices):
    if value not in choices:
        raise ValueError(
            f"Argument `{argument}` should be one of {choices}. Received: {value!r}"
        )
