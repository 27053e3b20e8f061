"""The Explainer: a network that answers why a classifier said what it said."""

import math

import keras
import tensorflow as tf
from keras import ops

from keras_explainer.classifiers.frozen_classifier import FrozenClassifier
from keras_explainer.classifiers.frozen_classifier import default_stride
from keras_explainer.classifiers.frozen_classifier import whole_object_stride
from keras_explainer.decoders.cell_attention import CellAttention
from keras_explainer.decoders.class_head import ClassHead
from keras_explainer.decoders.feature_encoder import FeatureEncoder
from keras_explainer.decoders.get_decoder import get_decoder
from keras_explainer.explainers.base_explainer import BaseExplainer
from keras_explainer.explainers.refined_logits import refined_logits
from keras_explainer.image_operations.degraded_view import degraded_view
from keras_explainer.image_operations.inpainting import surroundings
from keras_explainer.losses.explainer_loss import ExplainerLoss
from keras_explainer.training.draws import targets_of_step

# Up to this many classes a step computes all masks; beyond, those of the labels
# and of the likeliest others, so that its cost does not grow with the classes.
_CLASSES_PER_STEP = 32
# The log-odds (5 %) below which a classifier rules a class out, and how fast the mask
# logits of a class fall below them.
_RULED_OUT, _FALL = -3.0, 4.0


@keras.saving.register_keras_serializable(package="keras_explainer")
class ExplainerModel(BaseExplainer):
    """Explains a frozen classifier by masks: one per class, in one forward pass.

    A decoder on the classifier's own feature maps is trained so that the classifier
    keeps its answer when it sees only what the mask keeps, loses all evidence of it
    in the rest, and the masks stay small and smooth. It is compiled on
    construction, so that `ExplainerModel(classifier).fit(dataset)` trains.

    Masks of classes that the classifier gives less than 5 % fade until they are empty.

    The classifier is always run in inference mode; its weights, batch statistics
    and `trainable` flags are never changed.

    Args:
        classifier: A built functional or Sequential `keras.Model` from images
            (N, H, W, channels) to class scores (N, C); nested models included. A
            binary one, of one probability, has two classes: 0 is no, and 1 is yes.
        decoder: "unet", "deeplabv3", or a `keras.Model` from the list of feature
            maps (coarse to fine) to class mask logits (N, h, w, C).
        encoder: A Keras backbone, trained along, whose feature maps are used
            instead of the classifier's; it takes the same images. Defaults to None.
        preprocess_input: What turns raw RGB pixels 0..255 into the classifier's
            input, for the command line, pictures and serving: a callable, the name
            of a `keras.applications` module, or "auto" to recognise it.
        background: What replaces masked-out pixels, in the classifier's input
            space: "mean", a number, or one number per channel.
        multi_label: "auto", or whether images may have several labels (sigmoid)
            or one (softmax). A linear head must say which; with one output True, for
            the answer yes or no.
        stride: int, the pixels of a cell of the masks' grid (those of the finest
            feature map that the decoder reads), or "auto". Coarse cells show whole
            objects, fine ones the parts that tell most.
        upsampling: "guided", so that in the masks of `explain` cells of like colour
            agree, and masks end where the image's colours change, or "bilinear".
        class_names: List of C strings, or None. Of a binary classifier the names of
            its answers no (class 0) and yes (class 1), or of the latter alone.
        name: String. Name of the model.

    Call arguments:
        images: float32 (N, H, W, channels), as the classifier takes them.

    Returns:
        Dict of "masks" (N, h, w, C) in [0, 1], at the decoder's grid, and
        "probabilities" (N, C), the classifier's own.

    Raises:
        ValueError: If the classifier has no spatial feature map, several inputs
            or outputs, or a head that leaves `multi_label` open, or an argument is
            none of these.

    Example:

    ```python
    classifier = keras.applications.MobileNetV2()
    explainer = keras_explainer.ExplainerModel(classifier)
    explainer.fit(dataset)
    explanation = explainer.explain(images)
    ```

    Reference:
        Stalder et al., "What You See is What You Classify: Black Box
        Attributions", NeurIPS 2022.
    """

    LOSS = ExplainerLoss

    def __init__(
        self,
        classifier,
        *,
        decoder="unet",
        encoder=None,
        preprocess_input="auto",
        background="mean",
        multi_label="auto",
        stride="auto",
        upsampling="guided",
        class_names=None,
        name=None,
    ):
        if upsampling not in ("guided", "bilinear"):
            raise ValueError(
                'Argument `upsampling` should be "guided" or "bilinear". '
                f"Received: {upsampling!r}"
            )
        if stride != "auto" and (type(stride) is not int or stride < 1):
            raise ValueError(
                "Argument `stride` should be a whole number of pixels from 1, or "
                f'"auto". Received: {stride!r}'
            )
        if stride == "auto":
            stride = whole_object_stride if decoder == "unet" else default_stride
        # === Layers ===
        frozen = FrozenClassifier(
            classifier,
            multi_label,
            stride,
            with_features=not encoder,
            name="frozen_classifier",
        )
        features = None
        if encoder:
            features = FeatureEncoder(encoder, frozen.finest_stride, name="encoder")
        vectors = get_decoder(decoder)
        head = attention = None
        if not isinstance(vectors, keras.Model):
            head = ClassHead(frozen.num_classes, name="class_head")
            if not encoder and frozen.cell_head is not None:
                attention = CellAttention(name="cell_attention")

        def decode(images, read):
            decoded = vectors(features(images) if encoder else read["features"])
            if attention is not None:
                decoded, found_at = attention(decoded, read["features"][0])
                logits = head(decoded, read["evidence"], weights=found_at)
                return _without_ruled_out(logits, frozen, read)
            if head is not None:
                return head(decoded)
            if decoded.shape[-1] != frozen.num_classes or len(decoded.shape) != 4:
                raise ValueError(
                    "Argument `decoder` should return class mask logits of shape "
                    f"(N, h, w, {frozen.num_classes}). Received: a model that returns "
                    f"{decoded.shape}"
                )
            return decoded

        # === Functional Model ===
        super().__init__(
            frozen,
            decode,
            preprocess_input=preprocess_input,
            background=background,
            class_names=class_names,
            name=name,
        )

        # === Config ===
        self.encoder = features
        self.decoder = vectors
        self.cell_attention = attention
        self.class_head = head
        self.upsampling = upsampling
        self._decoder_config = decoder
        self.compile()

    def trained_layers(self):
        return [self.encoder, self.decoder, self.cell_attention, self.class_head]

    def class_logits(self, images, read, classes=None, training=False):
        if self.encoder is not None:
            features = self.encoder(images, training=training)
        else:
            features = read["features"]
        decoded = self.decoder(features, training=training)
        if self.cell_attention is not None:
            decoded, found_at = self.cell_attention(decoded, features[0])
            logits = self.class_head(decoded, read["evidence"], classes, found_at)
            if training:
                return logits
            return _without_ruled_out(logits, self.frozen, read, classes)
        if self.class_head is not None:
            return self.class_head(decoded, None, classes)
        decoded = ops.cast(decoded, "float32")
        if classes is None:
            return decoded
        return ops.take_along_axis(decoded, classes[:, None, None], axis=-1)

    def refined(self, logits, images, read, classes, wanted, steps):
        """Refines those mask logits (N, h, w, K) that are wanted (N, K), by steps."""
        wanted = wanted & (_shortfall(self.frozen, read, classes) == 0.0)
        return refined_logits(self, images, logits, classes, wanted, steps)

    def step_terms(self, images, read, rows, training):
        step = self.step_seed.of_step(self.optimizer.iterations)
        alone = self.explainer_loss.alone if training else 0.0
        targets = targets_of_step(rows, alone, step)
        seen, share = images, self.explainer_loss.degraded
        if training and share:
            span, color = self.half_range(images), self.background.color
            seen = degraded_view(images, color, span, share, step)
            read = self.frozen(seen)
        classes = None
        if self.frozen.num_classes > _CLASSES_PER_STEP:
            # Labels first, then the likeliest others.
            rank = ops.softmax(read["logits"]) + rows
            classes = tf.math.top_k(rank, _CLASSES_PER_STEP)[1]

        kept = []

        def judge(mask, inpaint, kept_value, removed_value):
            value, logits = self._value_behind(mask, images, None, kept_value, training)
            kept.append(logits)
            rest, fill = 1.0 - mask, None
            if inpaint:
                color = self.background.color
                fill = surroundings(images, ops.stop_gradient(rest), color)
            # One after the other: two passes at once take twice the memory.
            with tf.control_dependencies([value]):
                rest = tf.identity(rest)
            return value, self._value_behind(
                rest, images, fill, removed_value, training
            )[0]

        terms = self.explainer_loss(
            self.class_logits(seen, read, classes, training),
            rows,
            targets,
            judge,
            images,
            self.frozen,
            classes,
        )
        return terms, kept[0]

    def _value_behind(self, mask, images, fill, value_of, training):
        """Returns value_of(logits) of images behind masks (N, h, w), and the logits.

        In training the value is linear in the mask, with the value and the slope of
        the real one. So the classifier's pass is over, and its memory free, before
        the decoder's gradient is computed.
        """
        given = ops.stop_gradient(mask)
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(given)
            logits = self.frozen.logits(self.background(images, given, fill))
            value = value_of(logits)
        if training:
            # A value whose weights are 0 depends on no mask.
            zero = tf.UnconnectedGradients.ZERO
            slope = tape.gradient(value, given, unconnected_gradients=zero)
            slope = ops.stop_gradient(slope)
            value = value + ops.sum(slope * (mask - given), axis=(1, 2))
        return value, logits

    def get_config(self):
        serialize = keras.saving.serialize_keras_object
        return {
            **super().get_config(),
            "decoder": serialize(self._decoder_config),
            "encoder": self.encoder and serialize(self.encoder.backbone),
            "stride": self.frozen.finest_stride,
            "upsampling": self.upsampling,
        }


def _without_ruled_out(logits, frozen, read, classes=None):
    """Lowers mask logits (N, h, w, K) of classes that the classifier rules out.

    Training does not: a label that is ruled out by mistake has a mask to learn.
    """
    return logits + _FALL * _shortfall(frozen, read, classes)[:, None, None]


def _shortfall(frozen, read, classes=None):
    """Returns how far the log-odds of classes (N, K) are below what rules them out."""
    least = _RULED_OUT
    if not frozen.multi_label:
        # Of one label among many classes: half of what chance would give it.
        least = min(least, -math.log(2 * frozen.num_classes - 1))
    odds = frozen.log_odds(read["logits"])
    if classes is not None:
        odds = ops.take_along_axis(odds, classes, axis=-1)
    return ops.minimum(odds - least, 0.0)
