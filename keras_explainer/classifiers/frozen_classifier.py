"""The classifier under explanation, read and never changed."""

import functools

import keras
from keras import ops

from keras_explainer.classifiers.cell_head import find_cell_head
from keras_explainer.classifiers.feature_levels import find_feature_levels
from keras_explainer.classifiers.feature_levels import is_token_map
from keras_explainer.classifiers.final_map import find_final_map
from keras_explainer.classifiers.find_head import find_head
from keras_explainer.classifiers.graph_problem import layout_problem
from keras_explainer.classifiers.layer_graph import LayerGraph
from keras_explainer.classifiers.one_output import one_output
from keras_explainer.classifiers.with_preprocessor import with_preprocessor
from keras_explainer.constructor_arguments import constructor_arguments
from keras_explainer.log_odds import log_odds

# Photographs are at least this large; smaller pictures are read in finer cells.
_PHOTOGRAPH = 224
# Feature maps with cells of up to 8 pixels tell where objects end, better than those of
# 16 and 32 (`docs/results/decisions.md`); those of a pixel take much memory.
_OUTLINE_STRIDES = (2, 8)
# Of softmax, evidence beyond this counts as this, a probability of one less a
# millionth: a mask that it decides alone would have no slope to be learned by.
_SUREST = 13.8


def default_stride(image_size):
    """Returns the stride of fine cells: 4 pixels for photographs, less if small.

    Args:
        image_size: Tuple of int, pixels. Height and width.

    Returns:
        4, 2 or 1: the largest that leaves 32 cells a side, if there is one.
    """
    cells = min(image_size) // 32
    return 4 if cells >= 4 else 2 if cells >= 2 else 1


def whole_object_stride(image_size):
    """Returns the stride of cells in which whole objects are found.

    Args:
        image_size: Tuple of int, pixels. Height and width.

    Returns:
        16 for photographs, where it was measured (`docs/results/decisions.md`); for
        smaller pictures as `default_stride`.
    """
    return 16 if min(image_size) >= _PHOTOGRAPH else default_stride(image_size)


@keras.saving.register_keras_serializable(package="keras_explainer")
class FrozenClassifier(keras.layers.Layer):
    """A Keras classifier as an explainer sees it: features, evidence and logits.

    The classifier always runs in inference mode, its weights are never trained,
    and neither its weights nor its `trainable` flags are changed. Its feature maps are
    looked for when they are asked for.

    A binary classifier, which gives one probability p (`Dense(1, "sigmoid")`), has two
    classes here, of which an image has one: 0 is the answer no, with probability
    1 - p, and 1 the answer yes, with p.

    Args:
        classifier: A built functional or Sequential `keras.Model` that maps images
            (N, H, W, channels) to class scores (N, C), nested models included; with
            `image_shape` also a subclassed model, a layer or a function.
        multi_label: Boolean, or "auto", which takes softmax for one label per
            image and sigmoid for several, whatever made them; a linear head must say
            which (with one output True, for the answer yes or no). Or the `Head`
            that was found when the classifier was first read.
        finest_stride: int, pixels per cell. The finest feature map to read, or a
            function from the size of an image to it.
        image_shape: Tuple (H, W, channels) for what has no input shape of its own,
            which is then only run: it has no feature maps.
        with_features: Boolean. Whether a call returns "features" and "evidence".
        image_input: String or int. Which of several inputs are the images: its name,
            or its place among `classifier.inputs`. None takes the only one of images.
        output: String or int. Which of several outputs to read: its key or the name of
            its layer, or its place.

    Raises:
        ValueError: If the classifier has several outputs, or several inputs and it is
            open which are the images, or a head that leaves `multi_label` open or
            contradicts it; and where features are asked for, if it has no spatial
            feature map.

    Example:

    >>> classifier = keras.applications.MobileNet(weights=None, classes=5)
    >>> read = FrozenClassifier(classifier)(np.zeros((1, 224, 224, 3)))
    >>> read["logits"].shape, read["evidence"].shape
    (TensorShape([1, 5]), TensorShape([1, 7, 7, 5]))
    """

    def __init__(
        self,
        classifier,
        multi_label="auto",
        finest_stride=default_stride,
        *,
        image_shape=None,
        with_features=True,
        image_input=None,
        output=None,
        **kwargs,
    ):
        # The classifier's layers cast for themselves.
        super().__init__(**{"dtype": "float32", **kwargs}, autocast=False)
        self.classifier = classifier = one_output(classifier, output)
        graph = LayerGraph(
            with_preprocessor(classifier),
            image_shape=image_shape,
            image_input=image_input,
        )
        shape, output_shape = graph.shape(graph.input), graph.shape(graph.output)
        if len(shape) != 4:
            raise ValueError(
                "Argument `classifier` should take images of shape (N, H, W, "
                f"channels). Received: input shape {shape}"
            )
        problem = layout_problem(graph)
        if problem:
            raise ValueError(problem)
        if len(output_shape) != 2:
            hint = ""
            if set(output_shape[1:-1]) <= {1}:
                hint = (
                    ", as `keras.Model(model.inputs, keras.layers.Flatten()("
                    "model.outputs[0]))` does"
                )
            raise ValueError(
                "Argument `classifier` should return class scores of shape (N, C)"
                f"{hint}. Received: output shape {output_shape}"
            )
        with graph.other_inputs.given_examples():
            self.head = find_head(graph, multi_label)
        self.logits_tensor = self.head.tensor(graph)
        self.multi_label = self.head.multi_label
        self.num_classes = self.head.num_classes
        self.image_shape = shape[1:]
        if callable(finest_stride):
            finest_stride = finest_stride(shape[1:3])
        self.finest_stride = finest_stride
        self.with_features = with_features
        self.image_input = image_input
        self.graph = graph
        self.other_inputs = graph.other_inputs
        self.built = True

    @functools.cached_property
    def final_map(self):
        """The number of the final feature map in the graph."""
        with self.other_inputs.given_examples():
            return find_final_map(self.graph)

    @functools.cached_property
    def level_tensors(self):
        """The numbers of the feature maps in the graph, coarse to fine."""
        return find_feature_levels(self.graph, self.final_map, self.finest_stride)

    @property
    def has_map(self):
        """Whether the classifier has a final feature map."""
        try:
            return bool(self.level_tensors)
        except ValueError:
            return False

    @functools.cached_property
    def outline_maps(self):
        """The numbers of the feature maps that tell where objects end, coarse to fine.

        None without features, and of tokens laid out as a map, which tell where they
        are, and what all the others have told them.
        """
        if not self.with_features or is_token_map(self.graph, self.final_map):
            return None
        finest, coarsest = (min(self.finest_stride, s) for s in _OUTLINE_STRIDES)
        coarser = find_feature_levels(self.graph, self.final_map, coarsest)
        levels = find_feature_levels(self.graph, self.final_map, finest)
        return levels[len(coarser) - 1 :]

    @property
    def level_shapes(self):
        """The shapes (h, w, channels) of the feature maps, coarse to fine."""
        return [self.graph.shape(tensor)[1:] for tensor in self.level_tensors]

    @functools.cached_property
    def cell_head(self):
        """A function from cells (M, channels) of the final map to logits (M, C).

        None if the head does not judge a cell as it does a map filled with it.
        """
        final_map = self.final_map
        with self.other_inputs.given_examples():
            self.head.cells, judge = find_cell_head(
                self.graph, final_map, self.logits_tensor, self.head.cells
            )
        return judge and (lambda cells: self.head.logits(judge(cells)))

    @property
    def input_shape(self):
        """The shape (H, W, channels) of images, None where the classifier is open."""
        return tuple(self.graph.input_spec.shape[1:])

    @property
    def metrics(self):
        # Of a compiled classifier: its "loss" would hide the explainer's.
        return []

    @property
    def trainable_variables(self):
        return []

    trainable_weights = trainable_variables

    @property
    def non_trainable_weights(self):
        return self.weights

    @property
    def non_trainable_variables(self):
        return self.variables

    def call(self, images, others=()):
        """Reads features, evidence and logits off a batch.

        Args:
            images: Tensor (N, H, W, channels), in the classifier's input range.
            others: List of tensors (N, ...), the classifier's other inputs; empty
                where it has none, or they are `given`.

        Returns:
            Dict of "features" (list of maps, coarse to fine), "logits" (N, C), and,
            if the head allows it, "evidence" (N, h, w, C): the log-odds that the
            classifier gives to each class at each cell of its final feature map.
        """
        with self.given(others):
            return self._read(images)

    def _read(self, images):
        if not self.with_features:
            return {"logits": self.logits(images)}
        *features, logits = self.graph.run(
            {self.graph.input: self._as_input(images)},
            [*self.level_tensors, self.logits_tensor],
        )
        read = {
            "features": [ops.cast(level, "float32") for level in features],
            "logits": self.head.logits(logits),
        }
        if self.cell_head is not None:
            height, width = ops.shape(features[0])[1:3]
            cells = ops.reshape(features[0], (-1, self.level_shapes[0][-1]))
            evidence = self.log_odds(self.cell_head(cells))
            if not self.multi_label:
                evidence = ops.minimum(evidence, _SUREST)
            shape = (-1, height, width, self.num_classes)
            read["evidence"] = ops.reshape(evidence, shape)
        return read

    def outline_features(self, images):
        """Returns the `outline_maps` of images (N, H, W, channels).

        List of (N, h, w, D), each with its own size.
        """
        images = self._as_input(images)
        maps = self.graph.run({self.graph.input: images}, self.outline_maps)
        return [ops.cast(features, "float32") for features in maps]

    def given(self, others):
        """Lets the classifier answer with other inputs, inside of a `with` block.

        Args:
            others: List of arrays or tensors (N, ...), in the order of the
                classifier's inputs without the images. An empty one changes nothing.
        """
        return self.other_inputs.given(others)

    def logits(self, images, rows=None):
        """Returns the class logits (M, C) of images (M, H, W, channels).

        Args:
            images: Tensor (M, H, W, channels).
            rows: int tensor (M,), which of the N rows of the other inputs that are
                given goes with each image. None: each with its own; of M = N k
                images, k in a row with each.
        """
        return self.logits_from(self.graph.input, self._as_input(images), rows)

    def logits_from(self, tensor, values, rows=None):
        """Returns the class logits (M, C) of the values of a tensor of the graph."""
        (logits,) = self.graph.run({tensor: values}, [self.logits_tensor], rows=rows)
        return self.head.logits(logits)

    def probabilities(self, logits):
        """Returns the class probabilities (N, C) of logits (N, C)."""
        return ops.sigmoid(logits) if self.multi_label else ops.softmax(logits)

    def log_probabilities(self, logits):
        """Returns the logarithms of the class probabilities (N, C)."""
        return ops.log_sigmoid(logits) if self.multi_label else ops.log_softmax(logits)

    def log_odds(self, logits):
        """Returns log p / (1 - p) of each class, for logits (..., C)."""
        return log_odds(logits, self.multi_label)

    def compute_output_spec(self, images, others=()):
        spec = {"logits": _spec(self.num_classes)}
        if not self.with_features:
            return spec
        is_open = None in images.shape[1:3]
        features = [
            _spec(*((None, None, shape[-1]) if is_open else shape))
            for shape in self.level_shapes
        ]
        if self.cell_head is not None:
            spec["evidence"] = _spec(*features[0].shape[1:3], self.num_classes)
        return {"features": features, **spec}

    def get_config(self):
        return {
            **super().get_config(),
            "classifier": keras.saving.serialize_keras_object(self.classifier),
            "multi_label": keras.saving.serialize_keras_object(self.head),
            "finest_stride": self.finest_stride,
            "with_features": self.with_features,
            "image_input": self.image_input,
        }

    @classmethod
    def from_config(cls, config):
        return cls(**constructor_arguments(config))

    def _as_input(self, images):
        return ops.cast(images, self.graph.input_spec.dtype)


def _spec(*shape):
    return keras.KerasTensor((None, *shape), dtype="float32")
