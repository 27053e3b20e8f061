"""A U-Net that is asked for one class at a time."""

import keras
from keras import layers
from keras import ops

from keras_explainer.decoders.unet import UNetDecoder
from keras_explainer.image_operations.resize import resize_bilinear

# Up to this many classes are written out one by one, which LiteRT needs.
_UNROLLED = 4


@keras.saving.register_keras_serializable(package="keras_explainer")
class ClassSelectorDecoder(layers.Layer):
    """Decodes the mask of a class from feature maps that are gated by that class.

    A selector scores each cell of the coarsest map for the class: its features by
    the class's vector, and the classifier's own evidence where it is given. The
    sigmoid of the scores gates the map, a U-Net refines it, and its two channels a
    and b make the mask a / (a + b). Group normalisation would undo a gate that is
    closed everywhere, so the gate multiplies a as well.

    A mask is decoded anew for each class, so the cost grows with the classes asked
    for; they are decoded one after the other.

    Args:
        num_classes: int. Number of classes C.
        width: int. Channels of the U-Net.

    Call arguments:
        features: List of maps (N, h, w, channels), coarse to fine.
        evidence: Tensor (N, h', w', C), or None. Log-odds of each class.
        classes: Integer tensor (N, K), or None for all classes.

    Returns:
        Tensor (N, H, W, K) of mask logits at the finest map, float32.

    Reference:
        Dabkowski and Gal, "Real Time Image Saliency for Black Box Classifiers",
        NeurIPS 2017.
    """

    def __init__(self, num_classes, width=64, **kwargs):
        kwargs.setdefault("dtype", "float32")
        super().__init__(**kwargs)
        self.num_classes = num_classes
        self.width = width
        self.unet = UNetDecoder(width, dtype=self.dtype_policy, name="unet")
        self.shares = layers.Conv2D(
            2,
            1,
            activation="softplus",
            kernel_initializer=keras.initializers.VarianceScaling(0.01),
            dtype=self.dtype_policy,
            name="shares",
        )

    def build(self, features_shape, evidence_shape=None):
        depth = features_shape[0][-1]
        # With evidence to start from, the vectors need not break a tie.
        self.class_vectors = self.add_weight(
            name="class_vectors",
            shape=(self.num_classes, depth),
            initializer="zeros" if evidence_shape else "glorot_uniform",
        )
        self.class_offsets = self.add_weight(
            name="class_offsets", shape=(self.num_classes,), initializer="zeros"
        )
        self.unet.build(features_shape)
        self.shares.build((*features_shape[-1][:-1], self.width))

    def scores(self, features, evidence=None, classes=None):
        """Returns the selector's log-odds (N, h, w, K) of classes at each cell."""
        cells = ops.cast(features[0], "float32")
        if classes is None:
            scores = ops.matmul(cells, ops.transpose(self.class_vectors))
            scores = scores + self.class_offsets
        else:
            vectors = ops.take(self.class_vectors, classes, axis=0)
            scores = ops.einsum("nhwd,nkd->nhwk", cells, vectors)
            offsets = ops.take(self.class_offsets, classes, axis=0)
            scores = scores + offsets[:, None, None]
        if evidence is not None:
            if classes is not None:
                index = classes[:, None, None]
                evidence = ops.take_along_axis(evidence, index, axis=-1)
            scores = scores + evidence
        return scores

    def call(self, features, evidence=None, classes=None):
        scores = self.scores(features, evidence, classes)

        def mask_of(score):
            score = score[..., None]
            gated = features[0] * ops.sigmoid(score)
            shares = self.shares(self.unet([gated, *features[1:]]))
            gate = resize_bilinear(ops.log_sigmoid(score), ops.shape(shares)[1:3])
            shares = ops.log(shares + 1e-6)
            return shares[..., 0] - shares[..., 1] + gate[..., 0]

        count = scores.shape[-1]
        if count is not None and count <= _UNROLLED:
            maps = [mask_of(scores[..., i]) for i in range(count)]
            return ops.stack(maps, axis=-1)
        maps = ops.map(mask_of, ops.moveaxis(scores, -1, 0))
        return ops.moveaxis(maps, 0, -1)

    def compute_output_shape(self, features_shape, evidence_shape=None):
        return (*features_shape[-1][:-1], self.num_classes)

    def get_config(self):
        config = {"num_classes": self.num_classes, "width": self.width}
        return {**super().get_config(), **config}
