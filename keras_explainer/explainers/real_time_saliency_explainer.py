"""Real-time saliency: one pass of a network that is asked for a class."""

import keras
from keras import ops

from keras_explainer import backend
from keras_explainer.classifiers.frozen_classifier import FrozenClassifier
from keras_explainer.decoders.class_selector import ClassSelectorDecoder
from keras_explainer.explainers.base_explainer import BaseExplainer
from keras_explainer.explainers.own_encoder import own_encoder
from keras_explainer.image_operations.random_background import blurred_background
from keras_explainer.image_operations.random_background import random_background
from keras_explainer.losses.real_time_saliency_loss import RealTimeSaliencyLoss
from keras_explainer.training.draws import drawn_label
from keras_explainer.training.draws import likeliest_label

# Of noise on the kept part, so that it cannot hide what the classifier reads there.
_KEPT_NOISE = 0.03


@keras.saving.register_keras_serializable(package="keras_explainer")
class RealTimeSaliencyExplainer(BaseExplainer):
    """Explains a frozen classifier by the masks of a class-selecting U-Net.

    Every step asks for one class of each image: one of its labels, or, in a share of
    the images, a class that is not there (a fake one), whose mask should be empty.
    What the mask keeps is judged before a background drawn at random, and so is what
    it leaves.

    Validation draws nothing: it asks for both, the likeliest of the labels and the
    likeliest class that is not there, and weighs them by their shares in training. The
    background is half the blurred image, half the mean colour.

    Args:
        classifier: A Keras classifier, as for `ExplainerModel`. For one without a
            feature map a small encoder of its own is trained along.
        evidence: Boolean. Whether the selector starts from the classifier's own
            evidence, where its head has it; the published one learns from nothing.
        multi_label: As for `ExplainerModel`.
        image_input: As for `ExplainerModel`.
        output: As for `ExplainerModel`.
        **kwargs: `preprocess_input`, `background`, `class_names`, `upsampling`
            ("bilinear" here by default), `dense_crf` and `name`, as for
            `ExplainerModel`; the background is the colour around which others are
            drawn.

    Call arguments:
        images: float32 (N, H, W, channels), as the classifier takes them.

    Returns:
        Dict of "coarse_masks" (N, h, w, C) in [0, 1], decoded class by class, and
        "probabilities" (N, C), the classifier's own.

    Example:

    ```python
    explainer = keras_explainer.RealTimeSaliencyExplainer(classifier)
    explainer.compile(loss=keras_explainer.losses.RealTimeSaliencyLoss.published())
    explainer.fit(dataset)
    ```

    Reference:
        Dabkowski and Gal, "Real Time Image Saliency for Black Box Classifiers",
        NeurIPS 2017.
    """

    LOSS = RealTimeSaliencyLoss
    LEARNING_RATE = 1e-3

    def __init__(
        self,
        classifier,
        *,
        evidence=True,
        multi_label="auto",
        image_input=None,
        output=None,
        **kwargs,
    ):
        # === Layers ===
        frozen = FrozenClassifier(
            classifier,
            multi_label,
            image_input=image_input,
            output=output,
            name="frozen_classifier",
        )
        encoder = own_encoder(frozen)
        decoder = ClassSelectorDecoder(frozen.num_classes, name="decoder")

        # === Functional Model ===
        super().__init__(
            frozen,
            lambda images, outputs: decoder(*_inputs(outputs, evidence)),
            own_encoder=encoder,
            **kwargs,
        )

        # === Config ===
        self.decoder = decoder
        self.evidence = evidence
        self.compile()

    def trained_layers(self):
        return [self.own_encoder, self.decoder]

    def class_logits(self, images, outputs, classes=None, training=False):
        return self.decoder(*_inputs(outputs, self.evidence), classes)

    def step_terms(self, images, outputs, labels, training):
        if not training:
            return self._terms_without_draws(images, outputs, labels)
        step = self.step_seed.of_step(self.optimizer.iterations)
        classes, real = self._drawn_classes(labels, step)
        span, shape = self.half_range(images), ops.shape(images)
        fill = random_background(images, self.background.color, span, step)
        noise = backend.normal_per_image(shape, [step, 13])
        pictures = images + _KEPT_NOISE * span * noise
        return self._judged_terms(pictures, fill, outputs, classes, real)

    def _terms_without_draws(self, images, outputs, labels):
        """Returns what `step_terms` returns for validation."""
        real, has_label = likeliest_label(labels, outputs["logits"])
        fill = (blurred_background(images) + self.background.color) / 2.0
        asked, kept = self._judged_terms(images, fill, outputs, real, has_label)

        fakes, has_fake = likeliest_label(1.0 - labels, outputs["logits"])
        masks, selected = self._asked_for(outputs, fakes)
        nothing = ops.zeros_like(has_fake)
        faked = self.explainer_loss(masks, nothing, nothing, selected, nothing)

        share = self.explainer_loss.fake_share * has_fake
        share = ops.where(has_label > 0, share, 1.0)
        return {
            name: (1.0 - share) * asked[name] + share * faked[name] for name in asked
        }, kept

    def _asked_for(self, outputs, classes):
        """Returns the masks (N, h, w) of classes (N, 1), and their log-odds (N,)."""
        inputs = _inputs(outputs, self.evidence)
        masks = ops.sigmoid(self.decoder(*inputs, classes)[..., 0])
        return masks, ops.max(self.decoder.scores(*inputs, classes), axis=(1, 2, 3))

    def _judged_terms(self, pictures, fill, outputs, classes, real):
        """Returns the terms (N,) of classes (N, 1), and the logits of what is kept."""
        masks, selected = self._asked_for(outputs, classes)

        def answer(mask):
            logits = self.frozen.logits(self.background(pictures, mask, fill))
            answers = self.frozen.log_probabilities(logits)
            return ops.take_along_axis(answers, classes, axis=-1)[:, 0], logits

        kept, logits = answer(masks)
        removed, _ = answer(1.0 - masks)
        return self.explainer_loss(masks, kept, removed, selected, real), logits

    def _drawn_classes(self, labels, step):
        """Returns a class (N, 1) of each image, and 1 or 0 (N,): is it there?"""
        real, has_label = drawn_label(labels, step)
        fakes, has_fake = drawn_label(1.0 - labels, step, salt=3)
        drawn = backend.uniform_per_image(ops.shape(has_label), [step, 14])
        is_fake = (drawn < self.explainer_loss.fake_share) & (has_fake > 0)
        is_fake = is_fake | (has_label == 0)
        classes = ops.where(is_fake[:, None], fakes, real)
        return classes, 1.0 - ops.cast(is_fake, "float32")

    def get_config(self):
        return {**super().get_config(), "evidence": self.evidence}


def _inputs(outputs, evidence):
    return outputs["features"], outputs.get("evidence") if evidence else None
