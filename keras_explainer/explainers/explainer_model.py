"""The Explainer: a network that answers why a classifier said what it said."""

import keras
from keras import ops

from keras_explainer.check_option import check_flag
from keras_explainer.classifiers.frozen_classifier import FrozenClassifier
from keras_explainer.classifiers.frozen_classifier import default_stride
from keras_explainer.classifiers.frozen_classifier import whole_object_stride
from keras_explainer.decoders.cell_attention import CellAttention
from keras_explainer.decoders.class_head import ClassHead
from keras_explainer.decoders.feature_encoder import FeatureEncoder
from keras_explainer.decoders.get_decoder import get_decoder
from keras_explainer.explainers.base_explainer import BaseExplainer
from keras_explainer.explainers.mask_stages import ruled_out
from keras_explainer.explainers.mask_stages import share_left
from keras_explainer.explainers.mask_stages import shortfall
from keras_explainer.explainers.refined_logits import refined_logits
from keras_explainer.explainers.relevance import graded
from keras_explainer.image_operations.inpainting import inpainted
from keras_explainer.losses.explainer_loss import ExplainerLoss
from keras_explainer.losses.former_config import compile_config_of_now
from keras_explainer.losses.function_loss import FunctionLoss
from keras_explainer.losses.objective import Objective
from keras_explainer.training.draws import StepDraws
from keras_explainer.training.step import masked_terms

# Share of images that are augmented; with half and with all of them masks were worse.
_AUGMENTATION = 0.7
# Share of images that become composites, and of the others that become crops.
_COMPOSITES, _CROPS = 0.5, 0.5


@keras.saving.register_keras_serializable(package="keras_explainer")
class ExplainerModel(BaseExplainer):
    """Explains a frozen classifier by masks: one per class, in one forward pass.

    A decoder on the classifier's own feature maps is trained so that the classifier
    keeps its answer when it sees only what the mask keeps, loses all evidence of it
    in the rest, and the masks stay small and smooth. It is compiled on
    construction, so that `ExplainerModel(classifier).fit(dataset)` trains.

    A mask comes in stages. `call` and `predict` give what the decoder gives, without
    the classes that the classifier rules out, on the decoder's grid, as "coarse_masks".
    `explain` refines it if asked, lets cells of like colour agree and enlarges it to
    the image: its `masks`, which exports and metrics of masks have too, and which `fit`
    and `evaluate` let the classifier judge.

    The classifier is always run in inference mode; its weights, batch statistics
    and `trainable` flags are never changed.

    Args:
        classifier: A built functional or Sequential `keras.Model` from images
            (N, H, W, channels) to class scores (N, C), nested models included, or a
            subclassed one that `keras.Model(images, model.call(images))` opens. A
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
        rule_out: Boolean. Whether masks fade of classes that the classifier rules out:
            to which it gives less than 5 %, or of one label among many less than 5 %
            of what it gives to the likeliest class. From half of that on nothing is
            left of them.
        dense_crf: Boolean, or "auto" for True with guided upsampling. Whether cells of
            like colour agree in the masks of `explain`.
        upsampling: "guided", so that the masks of `explain` end where the image's
            colours change, or "bilinear".
        class_names: List of C strings, or None. Of a binary classifier the names of
            its answers no (class 0) and yes (class 1), or of the latter alone.
        image_input: Which of several inputs are the images to explain: its name, or
            its place among `classifier.inputs`. Defaults to the only one of shape
            (N, H, W, channels). The others go to the classifier as they are given, in
            `fit`, `explain` and exports: a dict by the inputs' names, or a tuple in
            their order, then stands wherever images do.
        output: Which of several outputs to explain: its key or the name of its layer,
            or its place, from 0. What only the others need is left behind.
        name: String. Name of the model.

    Call arguments:
        images: float32 (N, H, W, channels), as the classifier takes them.

    Returns:
        Dict of "coarse_masks" (N, h, w, C) in [0, 1], at the decoder's grid, and
        "probabilities" (N, C), the classifier's own.

    Raises:
        ValueError: If the classifier has no spatial feature map, inputs or outputs
            between which it is open, or a head that leaves `multi_label` open, or an
            argument is none of these.

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
    FINAL_RATE_SHARE = 0.02

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
        rule_out=True,
        dense_crf="auto",
        upsampling="guided",
        class_names=None,
        image_input=None,
        output=None,
        name=None,
    ):
        _check_options(stride, rule_out)
        if stride == "auto":
            stride = whole_object_stride if decoder == "unet" else default_stride
        # === Layers ===
        frozen = FrozenClassifier(
            classifier,
            multi_label,
            stride,
            with_features=not encoder,
            image_input=image_input,
            output=output,
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

        def decode(images, outputs, classes=None, training=None):
            maps = outputs.get("features")
            if encoder:
                maps = features(images, training=training)
            decoded = vectors(maps, training=training)
            if head is None:
                logits = _of_classes(decoded, frozen.num_classes, classes)
            elif attention is None:
                logits = head(decoded, None, classes)
            else:
                decoded, weights = attention(decoded, maps[0])
                logits = head(decoded, outputs["evidence"], classes, weights)
            if training or not rule_out:
                return logits
            return ruled_out(logits, frozen, outputs, classes)

        # === Functional Model ===
        super().__init__(
            frozen,
            decode,
            preprocess_input=preprocess_input,
            background=background,
            class_names=class_names,
            upsampling=upsampling,
            dense_crf=dense_crf,
            name=name,
        )

        # === Config ===
        self.encoder = features
        self.decoder = vectors
        self.cell_attention = attention
        self.class_head = head
        self.rule_out = rule_out
        self._decode = decode
        self._decoder_config = decoder
        self.compile()

    def compile(
        self,
        optimizer="auto",
        loss="auto",
        *,
        composites="auto",
        crops="auto",
        augmentation="auto",
        single_label=0.0,
        inpainting="auto",
        **kwargs,
    ):
        """Configures training; called on construction with "auto" settings.

        Args:
            optimizer: A Keras optimizer, or "auto": Adam with a learning rate that
                falls from 2e-3 to 2 % of it, along half a cosine over the steps of
                `fit`. It begins anew with every `fit`, but for what `initial_epoch` or
                a `keras.callbacks.BackupAndRestore` leaves out; in a first epoch of
                unknown length it stays as it is. It does not fall where `fit` is given
                a `LearningRateScheduler` or a `ReduceLROnPlateau`, nor by
                `train_on_batch`, which takes the rate as it stands: 2e-3 again after
                `fit`. For any other rate give an optimizer.
            loss: An `ExplainerLoss`, a function from the `StepOutputs` of a step to the
                loss (N,) of each image, or "auto" for `ExplainerLoss()`. A function
                takes the memory of two passes of the classifier at once.
            composites: float in [0, 1], or "auto": 0.5, and 0 with published forms and
                for a classifier of several inputs, since parts of two images share no
                other one. Share of the images of a training step that are replaced by
                composites of images of the batch, of which the labels of one are
                judged: they tell whose mask is whose, and show small objects. Of data
                without labels, parts are images that the classifier gives 50 % or more.
            crops: float in [0, 1], or "auto": 0.5, and 0 with published forms and for
                several inputs. Share of the other images that are replaced by what is
                seen of them through a window, which shows large objects and their
                parts. What the classifier does not see in it, or in its part of a
                composite, is not judged.
            augmentation: float in [0, 1], or "auto" for 0.7, and 0 with published
                forms. Share of the images of a training step, without composites and
                crops, whose masks are found in a view that is hard to recognise (other
                light, cutout), though judged on the image itself.
            single_label: float in [0, 1]. Share of the images of a training step in
                which one of the labels, drawn at random, is judged alone: only that
                tells whose mask is whose. Else all of them are judged together.
            inpainting: Boolean, or "auto" for True, and False with published forms.
                Whether what is removed is filled with the colours around it instead of
                the background, which leaves its silhouette.
            **kwargs: `metrics`, `jit_compile` and more, as for `keras.Model.compile`.

        Raises:
            ValueError: If an argument is none of these.

        Example:

        >>> explainer.compile(loss=ExplainerLoss(overlap_weight=3), single_label=0.3)
        """
        if callable(loss) and not isinstance(loss, Objective):
            loss = FunctionLoss(loss)
        published = getattr(loss, "published_forms", False)
        as_they_are = published or bool(self.frozen.other_inputs)
        if composites == "auto":
            composites = 0.0 if as_they_are else _COMPOSITES
        elif composites and self.frozen.other_inputs:
            raise ValueError(
                "Argument `composites` should be 0 for a classifier of several inputs, "
                "since parts of different images share no other input. Received: "
                f"{composites!r}"
            )
        if crops == "auto":
            crops = 0.0 if as_they_are else _CROPS
        if augmentation == "auto":
            augmentation = 0.0 if published else _AUGMENTATION
        draws = StepDraws(composites, crops, augmentation, single_label)
        check_flag("inpainting", inpainting, auto=True)
        super().compile(optimizer, loss, **kwargs)
        self.draws = draws
        # As the authors' terms have them, instead of masks on the decoder's grid.
        self.pixel_masks = published
        self.inpainting = not published if inpainting == "auto" else inpainting

    def get_compile_config(self):
        return {
            **super().get_compile_config(),
            **vars(self.draws),
            "inpainting": self.inpainting,
        }

    def compile_from_config(self, config):
        grid = self.output["coarse_masks"].shape[1:3]
        config = compile_config_of_now(
            config, grid, self.frozen.num_classes, self.frozen.multi_label
        )
        super().compile_from_config(config)

    def trained_layers(self):
        return [self.encoder, self.decoder, self.cell_attention, self.class_head]

    def class_logits(self, images, outputs, classes=None, training=False):
        return self._decode(images, outputs, classes, training)

    def fall(self, outputs, classes):
        """Returns how far masks fade (N, 1, 1, K) of classes that are ruled out."""
        return ruled_out(0.0, self.frozen, outputs, classes) if self.rule_out else 0.0

    def relevance_cells(self, logits, outputs, classes):
        """Returns relevance (N, h, w, K) in [0, 1], of the masks and of the evidence.

        A class that the classifier rules out has less, in proportion to its probability
        (its odds): so it keeps its order, which its mask, being empty, does not tell.
        """
        fall = self.fall(outputs, classes)
        evidence = outputs.get("evidence")
        if evidence is not None:
            places = classes[:, None, None]
            evidence = ops.take_along_axis(evidence, places, axis=-1)
        return graded(logits - fall, evidence) * share_left(fall)

    def removed_part(self, images, rest):
        """Returns images where the rest (N, H, W) of a mask is 1, the hole filled."""
        fill = None
        if self.inpainting:
            # In cells: the rim of a hole, whose colours would flow into it, is as wide.
            cell = self._cell()
            cells = ops.average_pool(rest[..., None], cell, cell, padding="same")
            cells = ops.stop_gradient(cells[..., 0])
            fill = inpainted(images, cells, self.background.color)
        return self.background(images, rest, fill)

    def _cell(self):
        """Returns how many pixels wide a cell of the masks' grid is."""
        grid = self.output["coarse_masks"].shape[1:3]
        if None in grid:
            return self.frozen.finest_stride
        sides = zip(self.frozen.input_shape[:2], grid)
        return max(1, min(pixels // cells for pixels, cells in sides))

    def refined(self, logits, images, outputs, classes, wanted, steps):
        """Refines those mask logits (N, h, w, K) that are wanted (N, K), by steps."""
        if self.rule_out:
            wanted = wanted & (shortfall(self.frozen, outputs, classes) == 0.0)
        return refined_logits(self, images, logits, classes, wanted, steps)

    def step_terms(self, images, outputs, labels, training):
        return masked_terms(self, images, outputs, labels, training)

    def get_config(self):
        serialize = keras.saving.serialize_keras_object
        return {
            **super().get_config(),
            "decoder": serialize(self._decoder_config),
            "encoder": self.encoder and serialize(self.encoder.backbone),
            "stride": self.frozen.finest_stride,
            "rule_out": self.rule_out,
        }


def _check_options(stride, rule_out):
    if stride != "auto" and (type(stride) is not int or stride < 1):
        raise ValueError(
            "Argument `stride` should be a whole number of pixels from 1, or "
            f'"auto". Received: {stride!r}'
        )
    check_flag("rule_out", rule_out)


def _of_classes(decoded, num_classes, classes):
    """Returns those of the mask logits (N, h, w, C) of a user's decoder asked for."""
    if decoded.shape[-1] != num_classes or len(decoded.shape) != 4:
        raise ValueError(
            "Argument `decoder` should return class mask logits of shape "
            f"(N, h, w, {num_classes}). Received: a model that returns {decoded.shape}"
        )
    decoded = ops.cast(decoded, "float32")
    if classes is None:
        return decoded
    return ops.take_along_axis(decoded, classes[:, None, None], axis=-1)
