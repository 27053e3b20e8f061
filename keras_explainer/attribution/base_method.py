"""What all attribution methods share: checks, targets, batches and warnings."""

import warnings

import numpy as np
from keras import ops
from rich.progress import track

from keras_explainer import backend
from keras_explainer.attribution.edge_aligned import edge_aligned
from keras_explainer.check_option import check_choice
from keras_explainer.check_option import check_option
from keras_explainer.classifiers.frozen_classifier import FrozenClassifier
from keras_explainer.classifiers.layer_graph import has_graph
from keras_explainer.classifiers.preprocessing import Preprocessing
from keras_explainer.files.given_pictures import are_pictures
from keras_explainer.files.given_pictures import given_pictures
from keras_explainer.files.given_pictures import picture_levels
from keras_explainer.image_operations.resize import resize_bilinear
from keras_explainer.inputs.data_forms import read_images
from keras_explainer.inputs.images import as_array
from keras_explainer.inputs.images import check_images
from keras_explainer.inputs.labels import predicted_labels
from keras_explainer.inputs.model_inputs import ModelInputs
from keras_explainer.inputs.targets import target_classes


class AttributionMethod:
    """Base of the methods that explain a classifier without training.

    A method implements `class_maps`, one map per image and class. The base reads
    the images up to where the method starts, finds the target classes, resizes and
    scales the maps, and merges those of an image by their pixel-wise maximum.

    The classifier runs in inference mode and is never changed. Methods that read
    nothing inside it take whatever maps images to scores: a subclassed model, a layer
    such as `keras.layers.TFSMLayer`, or a function, with a gradient but for RISE.

    Args:
        classifier: Keras classifier, as for `ExplainerModel`, or a callable from
            images (N, H, W, channels) to class scores (N, C), read with the first
            images. Of several inputs or outputs a `FrozenClassifier`, which says which
            are explained, such as `explainer.frozen`.
        multi_label: Boolean, or "auto". As in `ExplainerModel`.
        verbose: Boolean. Whether long methods show a progress bar.
    """

    # Images put through the classifier for one image and class; targets=None costs
    # one more, to find the predicted classes.
    classifier_passes = 1
    # Images that one pair of an image and a class puts into a single pass.
    images_per_pass = 1
    # Whether gradients are taken to the image itself.
    differentiates_images = True
    # Whether nothing inside the classifier is read.
    takes_functions = True
    # The likely reason of an empty map, for the warning.
    empty_because = "the gradient of the class is zero at every pixel"

    def __init__(self, classifier, multi_label="auto", *, verbose=False):
        image_input = None
        if isinstance(classifier, FrozenClassifier):
            # Read anew, since some methods change how layers of its graph are called.
            multi_label, image_input = classifier.head, classifier.image_input
            classifier = classifier.classifier
        self.classifier, self.multi_label = classifier, multi_label
        self.verbose = verbose
        self.frozen = None
        if has_graph(classifier) or not (self.takes_functions and callable(classifier)):
            frozen = FrozenClassifier(classifier, multi_label, image_input=image_input)
            self.prepare(frozen)

    def prepare(self, frozen):
        """Gets ready to explain a classifier: at once, or with the first images.

        Args:
            frozen: `FrozenClassifier`.
        """
        dtype = frozen.graph.input_spec.dtype
        if self.differentiates_images and "float" not in dtype:
            raise ValueError(
                "Argument `classifier` should take images of floats, since "
                f"{type(self).__name__} differentiates them. Received: '"
                f"{frozen.classifier.name}', which takes {dtype}"
            )
        self.frozen = frozen
        self.preprocessing = Preprocessing("auto", frozen.graph)
        # The tensor that the method starts from, computed once per image.
        self.start = frozen.graph.input
        graph = frozen.graph
        names, place = graph.input_names, graph.image_place
        self.inputs = ModelInputs(names, place, frozen.other_inputs.specs)
        self.start_values = self.compiled(self._start_values)
        self.logits = self.compiled(self._logits)
        self.gradients = self.compiled(self._gradients)

    def compiled(self, function):
        """Compiles a function of tensors that asks the classifier.

        The classifier's other inputs are those that are given when it is called.
        """

        def asked(others, *args):
            with self.frozen.given(others):
                return function(*args)

        run = backend.compiled(asked, self.frozen.variables)
        return lambda *args: run(self.frozen.other_inputs.values, *args)

    def explain(self, images, targets=None, batch_size=32, upsampling="bilinear"):
        """Explains images.

        Args:
            images: Images (N, H, W, channels) as the classifier takes them, or all of
                its inputs, in any form that `ExplainerModel.explain` takes,
                paths of pictures too.
            targets: None (the predicted classes), an int, a list of ints (one per
                image), or one-hot or multi-hot rows (N, C).
            batch_size: int. Images per classifier pass. None is 32, as in Keras.
            upsampling: "bilinear", or "guided" for maps that end where the image's
                colours change, by the same steps as the masks of an `ExplainerModel`,
                with which they are compared fairly so. A map's cells, 14 to the
                shorter side, are then inside or outside.

        Returns:
            float32 array (N, H, W) in [0, 1]; zeros where no evidence is positive.

        Raises:
            ValueError: If images, `targets`, `batch_size` or `upsampling` do not suit.
        """
        check_choice("upsampling", upsampling, ("bilinear", "guided"))
        batch_size = 32 if batch_size is None else batch_size
        check_option("batch_size", batch_size, 1, whole=True)
        if backend.inside_graph():
            raise ValueError(
                f"{type(self).__name__}.explain should be called outside of a "
                "`tf.function` and of `Dataset.map`; that of a trained explainer runs "
                "inside, too. Received: a call in a graph"
            )
        if are_pictures(images):
            images = self._images_of(images)
        is_known = has_graph(self.classifier)
        shape = self.frozen.input_shape if is_known else (None,) * 3
        inputs = self.inputs if is_known else ModelInputs()
        images, others = inputs.split(read_images(images, shape, inputs))
        images = as_array(images)
        if not is_known:
            self._prepare_for(images)
        check_images(images, self.frozen.input_shape, "images")
        problem = self.preprocessing.range_problem(images)
        if problem:
            warnings.warn(problem, stacklevel=2)
        if targets is not None:
            targets = target_classes(targets, len(images), self.frozen.num_classes)
        result = np.zeros(images.shape[:3], "float32")
        with_target = np.zeros(len(images), bool)
        for start in range(0, len(images), batch_size):
            part = slice(start, start + batch_size)
            asked = None if targets is None else targets[part]
            with self.frozen.given([values[part] for values in others]):
                image_indices, maps = self._batch_maps(images[part], asked, batch_size)
            if upsampling == "guided" and len(maps):
                maps = edge_aligned(maps, images[part][image_indices])
            for index, one_map in zip(start + image_indices, maps):
                result[index] = np.maximum(result[index], one_map)
                with_target[index] = True
        self._warn_of_constant_maps(result, with_target)
        return result

    def _batch_maps(self, images, targets, batch_size):
        """Returns the images and maps of pairs of an image of a batch and a class."""
        values = self.start_values(ops.convert_to_tensor(images, "float32"))
        classes = self._predicted(values) if targets is None else targets
        image_indices, columns = np.nonzero(classes >= 0)
        if not len(image_indices):
            return image_indices, []
        maps = self.finished_maps(
            values,
            image_indices,
            classes[image_indices, columns],
            images.shape[1:3],
            batch_size,
        )
        return image_indices, maps

    def class_maps(self, values, classes):
        """Computes one map per image, before it is scaled.

        Args:
            values: Tensor (P, h, w, channels). The values of `start`.
            classes: int tensor (P,). The class to explain in each.

        Returns:
            float32 tensor (P, h, w), at any size.
        """
        raise TypeError(f"{type(self).__name__} should define `class_maps`.")

    def pair_maps(self, values, image_indices, classes, batch_size):
        """Computes the maps of pairs of an image and a class, a batch at a time.

        Args:
            values: Tensor (N, h, w, channels). The values of `start`.
            image_indices: int array (P,). The image of each pair.
            classes: int array (P,). The class of each pair.
            batch_size: int. Images per classifier pass.

        Returns:
            float32 tensor (P, h, w).
        """
        maps, count = [], max(1, batch_size // self.images_per_pass)
        for start in range(0, len(image_indices), count):
            part = slice(start, start + count)
            pairs = ops.take(values, image_indices[part], axis=0)
            chosen = ops.convert_to_tensor(classes[part], "int32")
            with self.frozen.other_inputs.given_rows(image_indices[part]):
                maps.append(self.class_maps(pairs, chosen))
        return ops.concatenate(maps, 0)

    def finished_maps(self, values, image_indices, classes, size, batch_size):
        """Computes the maps of pairs at the size of the images, scaled.

        Args:
            values, image_indices, classes, batch_size: As in `pair_maps`.
            size: Tuple of int, pixels. Height and width.

        Returns:
            float32 array (P, H, W) in [0, 1].
        """
        maps = self.pair_maps(values, image_indices, classes, batch_size)
        maps = self.scaled(resize_bilinear(maps[..., None], size)[..., 0])
        return np.nan_to_num(ops.convert_to_numpy(maps))

    def scaled(self, maps):
        """Returns the positive part of maps (P, H, W), divided by its maximum."""
        maps = ops.relu(maps)
        return ops.divide_no_nan(maps, ops.max(maps, (1, 2), keepdims=True))

    def progress(self, sequence):
        """Returns a sequence, under a progress bar if the method is verbose."""
        return track(sequence, type(self).__name__, disable=not self.verbose)

    def _prepare_for(self, images):
        """Reads a classifier without an input shape, which is that of the images."""
        check_images(images, (None, None, None), "images")
        shape = images.shape[1:]
        if self.frozen is not None and self.frozen.image_shape == shape:
            return
        frozen = FrozenClassifier(self.classifier, self.multi_label, image_shape=shape)
        if self.differentiates_images:
            if backend.slope_at(frozen.logits, ops.zeros((1, *shape))) is None:
                raise ValueError(
                    "Argument `classifier` should be made of operations of the backend "
                    f"with a gradient, for {type(self).__name__}; RISE needs none. "
                    f"Received: {frozen.graph.calls[0].operation.name}, without one"
                )
        self.prepare(frozen)

    def _images_of(self, pictures):
        """Returns pictures as the images (N, H, W, channels) of the classifier."""
        if not has_graph(self.classifier):
            raise ValueError(
                "Argument `images` should be an array, since a classifier that is a "
                "function does not tell the size and range that it takes. Received: "
                "pictures"
            )
        levels = picture_levels(
            given_pictures(pictures)[0], self.frozen.image_shape[:2]
        )
        return np.asarray(self.preprocessing(levels))

    def _start_values(self, images):
        graph = self.frozen.graph
        images = ops.cast(images, graph.input_spec.dtype)
        return graph.run({graph.input: images}, [self.start])[0]

    def _logits(self, values, rows=None):
        values = ops.cast(values, self.frozen.graph.specs[self.start].dtype)
        return self.frozen.logits_from(self.start, values, rows)

    def _gradients(self, values, classes):
        """The gradient of each class logit to the values (P, h, w, channels)."""

        def score(values):
            return of_class(self._logits(values), classes), None

        return backend.value_and_slope(score, ops.cast(values, "float32"))[2]

    def _predicted(self, values):
        probabilities = self.frozen.probabilities(self.logits(values))
        labels = predicted_labels(probabilities, self.frozen.multi_label)
        labels = ops.convert_to_numpy(labels)
        return target_classes(labels, *labels.shape)

    def _warn_of_constant_maps(self, maps, with_target):
        constant = maps.max(axis=(1, 2)) - maps.min(axis=(1, 2)) < 1e-6
        for found, reason in (
            (constant & with_target, f"probably {self.empty_because}"),
            (constant & ~with_target, "no class is a target"),
        ):
            if found.any():
                numbers = ", ".join(map(str, np.flatnonzero(found)))
                warnings.warn(
                    f"{type(self).__name__} returns an empty or constant map for "
                    f"image {numbers}: {reason}",
                    stacklevel=3,
                )


def of_class(scores, classes):
    """Returns that score (P,) of each row of (P, C) which its class (P,) has."""
    return ops.take_along_axis(scores, classes[:, None], axis=1)[:, 0]
