"""What every trainable explainer shares: construction, `explain`, saving."""

import pathlib

import keras
from keras import ops

from keras_explainer import backend
from keras_explainer.check_option import check_choice
from keras_explainer.check_option import check_flag
from keras_explainer.classifiers.head import names_of_both_answers
from keras_explainer.classifiers.imagenet_classes import IMAGENET_CLASSES
from keras_explainer.classifiers.imagenet_classes import answers_in_imagenet
from keras_explainer.classifiers.preprocessing import Preprocessing
from keras_explainer.constructor_arguments import constructor_arguments
from keras_explainer.explainers.cloneable import cloneable
from keras_explainer.explainers.cloneable import copied
from keras_explainer.explainers.explaining_model import ExplainingModel
from keras_explainer.explainers.first_images import learn_from_first_images
from keras_explainer.explainers.relevance import graded
from keras_explainer.files.atomic_file import atomic_file
from keras_explainer.image_operations.background import Background
from keras_explainer.image_operations.enlarged_masks import enlarged_masks
from keras_explainer.image_operations.resize import grid_of
from keras_explainer.image_operations.resize import resize_bilinear
from keras_explainer.image_operations.resize import resize_nearest
from keras_explainer.inputs.check_class_names import check_class_names
from keras_explainer.inputs.check_class_names import check_classes_of_data
from keras_explainer.inputs.model_inputs import ModelInputs
from keras_explainer.keras_internals import ClonedWhole
from keras_explainer.training.step_seed import StepSeed
from keras_explainer.value_of_variable import value_of_variable


class BaseExplainer(ClonedWhole, ExplainingModel):
    """A model around a frozen classifier that answers with masks.

    A system makes its layers and hands over how they give mask logits, adds
    `class_logits`, which gives those of chosen classes, and says what it trains
    (`ExplainerTrainer`).

    `keras.models.clone_model` gives another explainer of the same kind, compiled
    alike: its classifier is a copy, weights and all, and what is trained begins anew.

    Args:
        frozen: The `FrozenClassifier`.
        decode: Function from images (N, H, W, channels) and what the classifier
            read off them to mask logits (N, h, w, C).
        own_encoder: A `FeatureEncoder`, trained along, that gives the features for a
            classifier without a feature map, or None.
        preprocess_input: What turns raw RGB pixels 0..255 into the classifier's
            input, for the command line, pictures and serving: a callable, the name
            of a `keras.applications` module, the range that pixels are scaled to such
            as "0..1", "identity", or "auto" to recognise it.
        background: What replaces masked-out pixels, in the classifier's input
            space: "mean", a number, or one number per channel.
        class_names: List of C strings, a dict from index to name or from name to
            index, or None: then the names of ImageNet's classes for a trained
            classifier of `keras.applications` that tells them apart. Of a binary
            classifier the names of its answers no and yes, or of the latter alone.
        upsampling: "bilinear", or "guided" so that the masks of `explain` end where
            the image's colours change. Masks are trained as they are decoded.
        dense_crf: Boolean, or "auto" for True with guided upsampling. Whether cells of
            like colour agree in the masks of `explain`.
        name: String. Name of the model.
    """

    refined = None  # how `explain` refines masks; `ExplainerModel` tells
    hides_pixels = True  # whether it learns from images with parts hidden

    def __init__(
        self,
        frozen,
        decode,
        *,
        own_encoder=None,
        preprocess_input="auto",
        background="mean",
        class_names=None,
        upsampling="bilinear",
        dense_crf="auto",
        name=None,
    ):
        check_choice("upsampling", upsampling, ("bilinear", "guided"))
        check_flag("dense_crf", dense_crf, auto=True)
        preprocessing = Preprocessing(preprocess_input, frozen.graph)
        backdrop = Background(
            background,
            frozen.image_shape[-1],
            known_mean=preprocessing.background,
            name="background",
        )
        graph = frozen.graph
        names = ["images"] if not frozen.other_inputs else graph.input_names
        place = graph.image_place
        model_inputs = ModelInputs(names, place, frozen.other_inputs.specs)
        images = keras.Input(frozen.input_shape, dtype="float32", name=names[place])
        others = [
            keras.Input(spec.shape[1:], dtype=spec.dtype, name=name)
            for spec, name in zip(model_inputs.specs, model_inputs.other_names)
        ]
        outputs = frozen(images, others)
        if own_encoder is not None:
            outputs = {**outputs, "features": own_encoder(images)}
        logits = ops.cast(decode(images, outputs), "float32")
        super().__init__(
            inputs=model_inputs.joined(images, others),
            outputs={
                "coarse_masks": ops.sigmoid(logits),
                "probabilities": frozen.probabilities(outputs["logits"]),
            },
            name=name or f"{frozen.classifier.name}_explainer",
        )
        self.frozen = frozen
        self.model_inputs = model_inputs
        self.own_encoder = own_encoder
        self.preprocessing = preprocessing
        self.background = backdrop
        self.step_seed = StepSeed(name="step_seed")
        self.upsampling = upsampling
        self.dense_crf = upsampling == "guided" if dense_crf == "auto" else dense_crf
        self.class_names = class_names
        self.term_trackers = [
            keras.metrics.Mean(name=name) for name in (*self.LOSS.TERMS, *self.MEASURES)
        ]
        if self.class_names is None and answers_in_imagenet(frozen.graph):
            self.class_names = list(IMAGENET_CLASSES)
        self._background_config = background
        self._warned = False

    @property
    def classifier(self):
        """The classifier under explanation, as it was handed over."""
        return self.frozen.classifier

    @property
    def class_names(self):
        """The names of the classes in their order, or None."""
        return self._class_names

    @class_names.setter
    def class_names(self, names):
        if names is not None:
            names = check_class_names(names)
            if self.frozen.head.is_binary:
                names = names_of_both_answers(names)
            check_class_names(names, self.frozen.num_classes)
        self._class_names = names

    def check_order_of(self, data, argument):
        """Refuses data that tell another order of the classes than `class_names`."""
        count = self.frozen.num_classes
        check_classes_of_data(data, self.class_names, count, argument)

    @property
    def preprocess_input(self):
        """What turns raw RGB pixels into the classifier's input; it can be set."""
        return self.preprocessing.config

    @preprocess_input.setter
    def preprocess_input(self, preprocess_input):
        self.preprocessing = Preprocessing(preprocess_input, self.frozen.graph)
        self.known_range_changed()

    @property
    def display_names(self):
        """The names of the classes, "class 3" and so on where there are none."""
        return self.class_names or [
            f"class {i}" for i in range(self.frozen.num_classes)
        ]

    def classifier_outputs(self, images, training=False):
        """Returns what the frozen classifier reads off images (N, H, W, channels).

        The features are those of an encoder where the classifier has no feature map.
        """
        with backend.without_slopes():
            outputs = self.frozen(images)
        if self.own_encoder is None:
            return outputs
        return {**outputs, "features": self.own_encoder(images, training=training)}

    def class_logits(self, images, outputs, classes=None, training=False):
        """Returns mask logits (N, h, w, K) of classes (N, K), or of all classes.

        Args:
            images: Tensor (N, H, W, channels).
            outputs: Dict of what the frozen classifier gives for the images.
            classes: Integer tensor (N, K), or None for all classes.
            training: Boolean.
        """
        raise TypeError(f"{type(self).__name__} should define `class_logits`.")

    def relevance_cells(self, logits, outputs, classes):
        """Returns relevance (N, h, w, K) in [0, 1], by which cells are told apart.

        Args:
            logits: Tensor (N, h, w, K), mask logits of the classes.
            outputs: Dict of what the frozen classifier gives for the images.
            classes: Integer tensor (N, K).
        """
        return graded(logits)

    def relevance(self, cells, images):
        """Enlarges relevance (N, h, w, K) to that of images (N, H, W, channels)."""
        return resize_bilinear(cells, grid_of(images))

    def fall(self, outputs, classes):
        """Returns how far masks of classes (N, K) fade, which some explainers let.

        Args:
            outputs: Dict of what the frozen classifier gives for the images.
            classes: Integer tensor (N, K).

        Returns:
            Tensor (N, 1, 1, K), not above 0, or 0.
        """
        return 0.0

    def upsampled(self, logits, images):
        """Enlarges mask logits (N, h, w, K) to those of images (N, H, W, channels)."""
        return enlarged_masks(logits, images, self.dense_crf, self.upsampling)

    def kept_part(self, images, mask):
        """Returns images with the background where masks (N, h, w) in [0, 1] are 0."""
        return self.background(images, mask)

    def removed_part(self, images, rest):
        """Returns images where the rest (N, h, w) of a mask is 1, the hole filled."""
        return self.background(images, rest)

    def behind_cells(self, images, cells):
        """Shows images only in the cells kept, all of a cell or nothing of it.

        Args:
            images: Tensor (N, H, W, channels).
            cells: Tensor (N, h, w) in [0, 1].
        """
        masks = resize_nearest(cells[..., None], ops.shape(images)[1:3])
        return self.background(images, masks[..., 0])

    def half_range(self, images):
        """Returns half of the range of values: the classifier's, or of each image."""
        known = self.preprocessing.input_range
        if known is not None:
            return (known[1] - known[0]) / 2.0
        low, high = (f(images, (1, 2, 3), keepdims=True) for f in (ops.min, ops.max))
        return ops.maximum((high - low) / 2.0, 1e-6)

    def follow(self, images):
        """Learns from the first images of `fit` (N, H, W, channels) what they tell."""
        learn_from_first_images(self, images)

    def known_range_changed(self):
        mean = self.preprocessing.background
        is_mean = isinstance(self._background_config, str)
        if is_mean and not self.background.was_measured:
            self.background.to_measure = mean is None
            if mean is not None:
                self.background.color.assign(mean)
        # What was traced knows the former range.
        self._compiled_explain = None
        for name in ("train", "test", "predict"):
            setattr(self, f"{name}_function", None)

    # === Saving and exporting ===

    def save(self, filepath, overwrite=True, **kwargs):
        """Saves the explainer with its classifier; the former file stays until done.

        Args:
            filepath: Path that ends in `.keras`.
            overwrite: Boolean. Whether an existing file may be replaced.
            **kwargs: As in `keras.Model.save`.

        Raises:
            FileExistsError: If the file exists and `overwrite` is False.
            FileNotFoundError: If its folder does not exist.
            ValueError: If the path ends otherwise, or the function of
                `preprocess_input` would not be found when the explainer is loaded.
        """
        path = pathlib.Path(filepath)
        if path.suffix != ".keras":
            raise ValueError(
                'Argument `filepath` should end in ".keras", the only format that an '
                f"explainer is loaded from. Received: {str(filepath)!r}"
            )
        if not self.preprocessing.is_found_again:
            raise ValueError(
                "Argument `preprocess_input` should be a function that is found when "
                "the explainer is loaded: give it a name and the decorator "
                "`@keras.saving.register_keras_serializable()`, and set it anew by "
                "`explainer.preprocess_input = function`. Received: "
                f"{self.preprocess_input!r}"
            )
        if path.exists() and not overwrite:
            raise FileExistsError(
                f"Argument `filepath` should be a new path. Received: {path}, which "
                "exists"
            )
        if not path.parent.is_dir():
            raise FileNotFoundError(
                "Argument `filepath` should be in a folder that exists; make it by "
                "`os.makedirs(folder)`, and write `os.path.expanduser(path)` for a "
                f"path with `~`. Received: {str(filepath)!r}"
            )
        with atomic_file(path) as temporary:
            super().save(temporary, **kwargs)

    def export(self, path, format="tf_saved_model", **options):
        """Exports the explainer with its classifier and preprocessing, to be served.

        Args:
            path: Path of a new version folder, such as "saved_models/pets/1", or of
                a new `.tflite` file.
            format: "tf_saved_model", for TensorFlow Serving, or "litert".
            **options: `top_k`, `mask_size`, `threshold`, `relevance` and more, as in
                `keras_explainer.serving.export_saved_model` and `export_litert`.

        Returns:
            `pathlib.Path` of what was written.

        Raises:
            ValueError: If `format` or an option is none of these, or the
                preprocessing is not known or does not run in a graph.
            FileExistsError: If there is something at `path`.

        Example:

        ```python
        explainer.export("saved_models/pets/1", top_k=3, mask_size=56)
        ```
        """
        # Here, since serving depends on the explainers.
        from keras_explainer import serving

        check_choice("format", format, ("tf_saved_model", "litert"))
        if format == "litert":
            return serving.export_litert(self, path, **options)
        return serving.export_saved_model(self, path, **options)

    def get_config(self):
        serialize = keras.saving.serialize_keras_object
        background = self._background_config
        if isinstance(background, str) and self.background.was_measured:
            background = value_of_variable(self.background.color).tolist()
        config = {
            "classifier": serialize(self.classifier),
            "preprocess_input": serialize(self.preprocessing.saved_config),
            "background": background,
            "multi_label": serialize(self.frozen.head),
            "class_names": self.class_names,
            "upsampling": self.upsampling,
            "dense_crf": self.dense_crf,
            "image_input": self.frozen.image_input,
            "name": self.name,
        }
        if None in self.frozen.input_shape[:2]:
            config["image_size"] = list(self.frozen.image_shape[:2])
        return config

    @classmethod
    def from_config(cls, config, custom_objects=None):
        config = constructor_arguments(config, custom_objects)
        image_size = config.pop("image_size", None)
        explainer = cls(**config)
        if config["multi_label"] is True and explainer.frozen.head.is_binary:
            raise ValueError(
                "An explainer of a binary classifier should have masks of both of its "
                "answers; train it again. Received: an explainer saved by an earlier "
                "version, with a mask of the answer yes alone"
            )
        explainer.preprocessing.read_again(later=True)
        if image_size:  # That it was trained on, which its classifier leaves open.
            frozen = explainer.frozen
            frozen.image_shape = (*image_size, frozen.image_shape[-1])
        return explainer

    # === Cloning ===

    def __init_subclass__(cls, **kwargs):
        super().__init_subclass__(**kwargs)
        if "__init__" in vars(cls):
            cls.__init__ = cloneable(cls.__init__)

    def clone_arguments(self):
        """Returns what the constructor makes a clone with."""
        config = constructor_arguments(
            {
                **self.get_config(),
                "classifier": copied(self.classifier),
                "preprocess_input": self.preprocess_input,
            }
        )
        config.pop("image_size", None)
        return config
