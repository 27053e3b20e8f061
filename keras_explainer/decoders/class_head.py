"""From one vector per cell to the mask logits of any classes."""

import keras
from keras import layers
from keras import ops

from keras_explainer.decoders.cell_attention import gathered
from keras_explainer.decoders.cell_attention import reduced
from keras_explainer.image_operations.resize import resize_bilinear


@keras.saving.register_keras_serializable(package="keras_explainer")
class ClassHead(layers.Layer):
    """Gives the mask logits of all classes, or only of the classes asked for.

    logit = scale * evidence + offset + vector . (class vector + shared vector)

    The class vectors start at zero, so that an untrained explainer shows the
    classifier's own evidence; the shared vector learns what no class is, from all
    of them. The cost of a training step does not grow with the number of classes.

    Args:
        num_classes: int. Number of classes C.

    Call arguments:
        vectors: Tensor (N, h, w, D), a decoder's result.
        evidence: Tensor (N, h', w', C), or None. Log-odds of each class.
        classes: Integer tensor (N, K), or None for all classes.
        weights: Tensor (N, h * w, cells) of a `CellAttention`, which enlarges the
            evidence, or None for bilinear resizing.

    Returns:
        Tensor (N, h, w, K) of mask logits, float32.
    """

    def __init__(self, num_classes, **kwargs):
        kwargs.setdefault("dtype", "float32")
        super().__init__(**kwargs)
        self.num_classes = num_classes

    def build(self, vectors_shape, evidence_shape=None, weights_shape=None):
        depth = vectors_shape[-1]
        self.class_vectors = self.add_weight(
            name="class_vectors", shape=(self.num_classes, depth), initializer="zeros"
        )
        self.shared_vector = self.add_weight(
            name="shared_vector", shape=(depth,), initializer="zeros"
        )
        if evidence_shape is not None:
            self.scale = self.add_weight(
                name="scale", shape=(), initializer=keras.initializers.Constant(0.5)
            )
        self.offset = self.add_weight(
            name="offset", shape=(), initializer=keras.initializers.Constant(-0.5)
        )

    def call(self, vectors, evidence=None, classes=None, weights=None):
        height, width = ops.shape(vectors)[1:3]
        depth = vectors.shape[-1]
        cells = ops.reshape(ops.cast(vectors, "float32"), (-1, height * width, depth))
        if classes is None:
            class_vectors = self.class_vectors + self.shared_vector
            logits = ops.matmul(cells, ops.transpose(class_vectors))
        else:
            class_vectors = ops.take(self.class_vectors, classes, axis=0)
            class_vectors = class_vectors + self.shared_vector
            logits = ops.matmul(cells, ops.transpose(class_vectors, (0, 2, 1)))
        logits = ops.reshape(logits, (-1, height, width, ops.shape(logits)[-1]))
        logits = logits + self.offset
        if evidence is not None:
            if classes is not None:
                evidence = ops.take_along_axis(
                    evidence, classes[:, None, None], axis=-1
                )
            if weights is None:
                evidence = resize_bilinear(evidence, (height, width))
            else:
                evidence = gathered(weights, reduced(evidence), (height, width))
            logits = logits + self.scale * evidence
        return logits

    def compute_output_shape(
        self, vectors_shape, evidence_shape=None, weights_shape=None
    ):
        return (*vectors_shape[:-1], self.num_classes)

    def get_config(self):
        return {**super().get_config(), "num_classes": self.num_classes}
