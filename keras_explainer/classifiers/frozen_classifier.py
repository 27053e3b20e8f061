"""The classifier under explanation, read and never changed."""

import keras
from keras import ops

from keras_explainer.classifiers.feature_levels import find_feature_levels
from keras_explainer.classifiers.feature_levels import find_final_map
from keras_explainer.classifiers.head import find_cell_head
from keras_explainer.classifiers.head import find_logits
from keras_explainer.classifiers.layer_graph import LayerGraph
from keras_explainer.classifiers.with_preprocessor import with_preprocessor

# Photographs are at least this large; smaller pictures are read in finer cells.
_PHOTOGRAPH = 224


def default_stride(image_size):
    """Returns the stride of fine cells: 4 pixels for photographs, less if small.

    Args:
        image_size: Tuple of height and width in pixels.

    Returns:
        4, 2 or 1: the largest that leaves 32 cells a side, if there is one.
    """
    cells = min(image_size) // 32
    return 4 if cells >= 4 else 2 if cells >= 2 else 1


def whole_object_stride(image_size):
    """Returns the stride of cells in which whole objects are found.

    Args:
        image_size: Tuple of height and width in pixels.

    Returns:
        16 for photographs, where it was measured (`benchmarks/README.md`); for
        smaller pictures as `default_stride`.
    """
    return 16 if min(image_size) >= _PHOTOGRAPH else default_stride(image_size)


@keras.saving.register_keras_serializable(package="keras_explainer")
class FrozenClassifier(keras.layers.Layer):
    """A Keras classifier as an explainer sees it: features, evidence and logits.

    The classifier always runs in inference mode, its weights are never trained,
    and neither its weights nor its `trainable` flags are changed.

    Args:
        classifier: A built functional or Sequential `keras.Model` that maps images
            (N, H, W, channels) to class scores (N, C), nested models included.
        multi_label: "auto", True or False. "auto" takes softmax for one label per
            image and sigmoid for several; a linear head must say which.
        finest_stride: int, the finest feature map to read, in pixels per cell, or a
            function from the size of an image to it.

    Raises:
        ValueError: If the classifier has no spatial feature map, several inputs or
            outputs, or a head that leaves `multi_label` open.

    Example:

    >>> classifier = keras.applications.MobileNet(weights=None, classes=5)
    >>> read = FrozenClassifier(classifier)(np.zeros((1, 224, 224, 3)))
    >>> read["logits"].shape, read["evidence"].shape
    (TensorShape([1, 5]), TensorShape([1, 7, 7, 5]))
    """

    def __init__(
        self, classifier, multi_label="auto", finest_stride=default_stride, **kwargs
    ):
        # The classifier's layers cast for themselves.
        super().__init__(dtype="float32", autocast=False, **kwargs)
        self.classifier = classifier
        graph = LayerGraph(with_preprocessor(classifier))
        shape = graph.shape(graph.input)
        if len(shape) != 4:
            raise ValueError(
                "Argument `classifier` should take images of shape (N, H, W, "
                f"channels). Received: input shape {shape}"
            )
        output_shape = graph.shape(graph.output)
        final_map = find_final_map(graph)
        if len(output_shape) != 2:
            raise ValueError(
                "Argument `classifier` should return class scores of shape (N, C). "
                f"Received: output shape {output_shape}"
            )
        self.logits_tensor, activation = find_logits(graph)
        self.multi_label = _resolve_multi_label(multi_label, activation)
        self.num_classes = output_shape[-1]
        self.image_shape = shape[1:]

        if callable(finest_stride):
            finest_stride = finest_stride(shape[1:3])
        self.finest_stride = finest_stride
        self.level_tensors = find_feature_levels(graph, final_map, finest_stride)
        self.level_shapes = [graph.shape(t)[1:] for t in self.level_tensors]
        self.cell_head = find_cell_head(graph, final_map, self.logits_tensor)
        self.graph = graph
        self.built = True

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

    def call(self, images):
        """Reads features, evidence and logits off a batch.

        Args:
            images: Tensor (N, H, W, channels), in the classifier's input range.

        Returns:
            Dict of "features" (list of maps, coarse to fine), "logits" (N, C), and,
            if the head allows it, "evidence" (N, h, w, C): the log-odds that the
            classifier gives to each class at each cell of its final feature map.
        """
        *features, logits = self.graph.run(
            {self.graph.input: self._as_input(images)},
            [*self.level_tensors, self.logits_tensor],
        )
        read = {
            "features": [ops.cast(level, "float32") for level in features],
            "logits": self._as_logits(logits),
        }
        if self.cell_head is not None:
            height, width = ops.shape(features[0])[1:3]
            cells = ops.reshape(features[0], (-1, self.level_shapes[0][-1]))
            evidence = self.log_odds(self._as_logits(self.cell_head(cells)))
            shape = (-1, height, width, self.num_classes)
            read["evidence"] = ops.reshape(evidence, shape)
        return read

    def logits(self, images):
        """Returns the class logits (N, C) of images (N, H, W, channels)."""
        (logits,) = self.graph.run(
            {self.graph.input: self._as_input(images)}, [self.logits_tensor]
        )
        return self._as_logits(logits)

    def probabilities(self, logits):
        """Returns the class probabilities (N, C) of logits (N, C)."""
        return ops.sigmoid(logits) if self.multi_label else ops.softmax(logits)

    def log_probabilities(self, logits):
        """Returns the logarithms of the class probabilities (N, C)."""
        return ops.log_sigmoid(logits) if self.multi_label else ops.log_softmax(logits)

    def log_odds(self, logits):
        """Returns log p / (1 - p) of each class, for logits (..., C)."""
        if self.multi_label:
            return logits
        log_p = ops.log_softmax(logits)
        return log_p - ops.log1p(-ops.minimum(ops.exp(log_p), 1.0 - 1e-6))

    def compute_output_spec(self, images):
        is_open = None in images.shape[1:3]
        features = [
            _spec(*((None, None, shape[-1]) if is_open else shape))
            for shape in self.level_shapes
        ]
        spec = {"features": features, "logits": _spec(self.num_classes)}
        if self.cell_head is not None:
            spec["evidence"] = _spec(*features[0].shape[1:3], self.num_classes)
        return spec

    def get_config(self):
        # Rebuilt by its owner, which holds the classifier.
        return {**super().get_config(), "multi_label": self.multi_label}

    def _as_input(self, images):
        return ops.cast(images, self.graph.input_spec.dtype)

    def _as_logits(self, logits):
        return ops.cast(ops.reshape(logits, (-1, self.num_classes)), "float32")


def _spec(*shape):
    return keras.KerasTensor((None, *shape), dtype="float32")


def _resolve_multi_label(multi_label, activation):
    if multi_label in (True, False):
        return bool(multi_label)
    if multi_label != "auto":
        raise ValueError(
            'Argument `multi_label` should be "auto", True or False. '
            f"Received: {multi_label!r}"
        )
    if activation in ("softmax", "sigmoid"):
        return activation == "sigmoid"
    head = "a linear head" if activation == "linear" else "an unrecognised head"
    raise ValueError(
        "Argument `multi_label` should be True (several labels per image, sigmoid) "
        "or False (one label, softmax) for a classifier whose last layer does not "
        f"tell. Received: multi_label='auto' and {head}"
    )
