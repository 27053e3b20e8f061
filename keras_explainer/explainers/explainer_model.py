"""The Explainer: a network that answers why a classifier said what it said."""

import keras
import tensorflow as tf
from keras import ops

from keras_explainer.classifiers.frozen_classifier import FrozenClassifier
from keras_explainer.classifiers.preprocessing import Preprocessing
from keras_explainer.decoders.cell_attention import CellAttention
from keras_explainer.decoders.class_head import ClassHead
from keras_explainer.decoders.feature_encoder import FeatureEncoder
from keras_explainer.decoders.get_decoder import get_decoder
from keras_explainer.explainers.background import Background
from keras_explainer.explainers.base_explainer import BaseExplainer
from keras_explainer.explainers.surroundings import surroundings
from keras_explainer.explainers.targets import labels_to_rows
from keras_explainer.explainers.targets import predicted_rows
from keras_explainer.explainers.targets import targets_of_step
from keras_explainer.losses.explainer_loss import ExplainerLoss

# Up to this many classes a step computes all masks; beyond, those of the labels
# and of the likeliest others, so that its cost does not grow with the classes.
_CLASSES_PER_STEP = 32


@keras.saving.register_keras_serializable(package="keras_explainer")
class ExplainerModel(BaseExplainer):
    """Explains a frozen classifier by masks: one per class, in one forward pass.

    A decoder on the classifier's own feature maps is trained so that the classifier
    keeps its answer when it sees only what the mask keeps, loses all evidence of it
    in the rest, and the masks stay small and smooth. It is compiled on
    construction, so that `ExplainerModel(classifier).fit(dataset)` trains.

    The classifier is always run in inference mode; its weights, batch statistics
    and `trainable` flags are never changed.

    Args:
        classifier: A built functional or Sequential `keras.Model` from images
            (N, H, W, channels) to class scores (N, C); nested models included.
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
            or one (softmax). A linear head must say which.
        upsampling: "guided", so that the masks of `explain` end where the image's
            colours change, or "bilinear".
        class_names: List of C strings, or None.
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

    def __init__(
        self,
        classifier,
        *,
        decoder="unet",
        encoder=None,
        preprocess_input="auto",
        background="mean",
        multi_label="auto",
        upsampling="guided",
        class_names=None,
        name=None,
    ):
        if upsampling not in ("guided", "bilinear"):
            raise ValueError(
                'Argument `upsampling` should be "guided" or "bilinear". '
                f"Received: {upsampling!r}"
            )
        # === Layers ===
        frozen = FrozenClassifier(classifier, multi_label, name="frozen_classifier")
        preprocessing = Preprocessing(preprocess_input, frozen.graph)
        backdrop = Background(
            background,
            frozen.image_shape[-1],
            known_mean=preprocessing.background,
            name="background",
        )
        features = FeatureEncoder(encoder, name="encoder") if encoder else None
        vectors = get_decoder(decoder)
        gives_vectors = not isinstance(vectors, keras.Model)
        head = (
            ClassHead(frozen.num_classes, name="class_head") if gives_vectors else None
        )

        # === Functional Model ===
        images = keras.Input(
            frozen.graph.input_spec.shape[1:], dtype="float32", name="images"
        )
        read = frozen(images)
        decoded = vectors(features(images) if encoder else read["features"])
        attention = None
        if head is not None and not encoder and "evidence" in read:
            attention = CellAttention(name="cell_attention")
            decoded, found_at = attention(decoded, read["features"][0])
            decoded = head(decoded, read["evidence"], weights=found_at)
        elif head is not None:
            decoded = head(decoded)
        elif decoded.shape[-1] != frozen.num_classes or len(decoded.shape) != 4:
            raise ValueError(
                "Argument `decoder` should return class mask logits of shape (N, h, w, "
                f"{frozen.num_classes}). Received: a model that returns {decoded.shape}"
            )
        decoded = ops.cast(decoded, "float32")
        super().__init__(
            inputs=images,
            outputs={
                "masks": ops.sigmoid(decoded),
                "probabilities": frozen.probabilities(read["logits"]),
            },
            name=name or f"{classifier.name}_explainer",
        )

        # === Config ===
        self.frozen = frozen
        self.preprocessing = preprocessing
        self.background = backdrop
        self.encoder = features
        self.decoder = vectors
        self.cell_attention = attention
        self.class_head = head
        self.upsampling = upsampling
        self.class_names = _check_class_names(class_names, frozen.num_classes)
        self.term_trackers = [keras.metrics.Mean(name=n) for n in ExplainerLoss.TERMS]
        self._decoder_config = decoder
        self._background_config = background
        self._warned = False
        self.compile()

    def compile(self, optimizer="auto", loss="auto", *, metrics=None, **kwargs):
        """Configures training; called on construction with "auto" settings.

        Args:
            optimizer: A Keras optimizer, or "auto": Adam with a learning rate of
                2e-3.
            loss: An `ExplainerLoss`, or "auto" for its defaults.
            metrics: Keras metrics of the labels and the probabilities that the
                classifier gives to the masked images.
            **kwargs: As in `keras.Model.compile`.

        Raises:
            ValueError: If `loss` is not an `ExplainerLoss`.
        """
        if isinstance(optimizer, str) and optimizer == "auto":
            optimizer = keras.optimizers.Adam(2e-3)
        loss = ExplainerLoss() if loss == "auto" else loss
        if not isinstance(loss, ExplainerLoss):
            raise ValueError(
                "Argument `loss` should be a `keras_explainer.ExplainerLoss` or "
                f'"auto". Received: {loss!r}'
            )
        super().compile(optimizer=optimizer, loss=None, metrics=metrics, **kwargs)
        self.explainer_loss = loss
        # Built at once, so that an explainer that was never fitted reloads alike.
        self.optimizer.build(self.trainable_variables)

    # === Training ===

    @property
    def trainable_variables(self):
        trained = [self.encoder, self.decoder, self.cell_attention, self.class_head]
        return [v for part in trained if part for v in part.trainable_variables]

    trainable_weights = trainable_variables

    @property
    def non_trainable_variables(self):
        trained = {id(v) for v in self.trainable_variables}
        return [v for v in self.variables if id(v) not in trained]

    @property
    def non_trainable_weights(self):
        trained = {id(v) for v in self.trainable_variables}
        return [v for v in self.weights if id(v) not in trained]

    def class_logits(self, images, read, classes=None, training=False):
        features = read["features"]
        if self.encoder is not None:
            features = self.encoder(images, training=training)
        decoded = self.decoder(features, training=training)
        if self.cell_attention is not None:
            decoded, found_at = self.cell_attention(decoded, features[0])
            return self.class_head(decoded, read["evidence"], classes, found_at)
        if self.class_head is not None:
            return self.class_head(decoded, None, classes)
        decoded = ops.cast(decoded, "float32")
        if classes is None:
            return decoded
        return ops.take_along_axis(decoded, classes[:, None, None], axis=-1)

    def train_step(self, data):
        images, labels, weights = keras.utils.unpack_x_y_sample_weight(data)
        variables = [v.value for v in self.trainable_variables]
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(variables)
            loss, terms, rows, kept = self._step_losses(images, labels, weights, True)
            # Gradients are summed over replicas.
            replicas = tf.distribute.get_strategy().num_replicas_in_sync
            scaled = self.optimizer.scale_loss(loss / replicas)
        gradients = tape.gradient(scaled, variables)
        self.optimizer.apply_gradients(zip(gradients, self.trainable_variables))
        return self._step_logs(images, loss, terms, rows, kept, weights)

    def test_step(self, data):
        images, labels, weights = keras.utils.unpack_x_y_sample_weight(data)
        loss, terms, rows, kept = self._step_losses(images, labels, weights, False)
        return self._step_logs(images, loss, terms, rows, kept, weights)

    def _step_losses(self, images, labels, weights, training):
        images = self.checked(images, labels)
        read = self.frozen(images)
        num_classes = self.frozen.num_classes
        if labels is None:
            probabilities = self.frozen.probabilities(read["logits"])
            rows = predicted_rows(probabilities, self.frozen.multi_label)
        else:
            rows = labels_to_rows(labels, num_classes)
        alone = self.explainer_loss.alone if training else 0.0
        targets = targets_of_step(rows, alone, self.optimizer.iterations)
        classes = None
        if num_classes > _CLASSES_PER_STEP:
            # Labels first, then the likeliest others.
            rank = ops.softmax(read["logits"]) + rows
            classes = tf.math.top_k(rank, _CLASSES_PER_STEP)[1]

        kept = []

        def judge(mask, inpaint):
            kept.append(self.frozen.logits(self.background(images, mask)))
            mask, fill = 1.0 - mask, None
            if inpaint:
                fill = surroundings(images, ops.stop_gradient(mask))
            return kept[0], self.frozen.logits(self.background(images, mask, fill))

        terms = self.explainer_loss(
            self.class_logits(images, read, classes, training),
            rows,
            targets,
            judge,
            images,
            self.frozen,
            classes,
        )
        if weights is not None:
            weights = ops.reshape(ops.cast(weights, "float32"), (-1,))
            terms = {name: weights * values for name, values in terms.items()}
        terms = {name: ops.mean(values) for name, values in terms.items()}
        return sum(terms.values()), terms, rows, self.frozen.probabilities(kept[0])

    def _step_logs(self, images, loss, terms, rows, probabilities, weights):
        size = ops.shape(images)[0]
        self._loss_tracker.update_state(loss, sample_weight=size)
        for tracker in self.term_trackers:
            tracker.update_state(terms[tracker.name], sample_weight=size)
        return self.compute_metrics(images, rows, probabilities, sample_weight=weights)

    # === Serialisation ===

    def get_config(self):
        serialize = keras.saving.serialize_keras_object
        background = self._background_config
        if background == "mean" and self.background.was_measured:
            background = [float(value) for value in self.background.color.numpy()]
        return {
            "classifier": serialize(self.classifier),
            "decoder": serialize(self._decoder_config),
            "encoder": self.encoder and serialize(self.encoder.backbone),
            "preprocess_input": serialize(self.preprocessing.config),
            "background": background,
            "multi_label": self.frozen.multi_label,
            "upsampling": self.upsampling,
            "class_names": self.class_names,
            "name": self.name,
        }

    @classmethod
    def from_config(cls, config, custom_objects=None):
        config = {
            key: keras.saving.deserialize_keras_object(value, custom_objects)
            if isinstance(value, dict)
            else value
            for key, value in config.items()
        }
        return cls(**config)

    def get_compile_config(self):
        serialize = keras.saving.serialize_keras_object
        config = super().get_compile_config() or {}
        return {**config, "loss": serialize(self.explainer_loss)}

    def compile_from_config(self, config):
        config = keras.saving.deserialize_keras_object(config)
        self.compile(**config)


def _check_class_names(class_names, num_classes):
    if class_names is None:
        return None
    class_names = [str(name) for name in class_names]
    if len(class_names) != num_classes:
        raise ValueError(
            f"Argument `class_names` should hold {num_classes} names, one for each "
            f"class. Received: {len(class_names)}"
        )
    return class_names
