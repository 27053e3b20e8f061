"""The decoder of the published set-up: atrous spatial pyramid pooling."""

import keras
from keras import layers
from keras import ops

from keras_explainer.image_operations.resize import resize_bilinear


@keras.saving.register_keras_serializable(package="keras_explainer")
class DeepLabV3Decoder(layers.Layer):
    """Atrous spatial pyramid pooling over the final feature map.

    Keras backbones reduce 32 times where the published encoder reduces 8 times (by
    dilation), so the final map is first enlarged to the stride-8 map beside it, if
    there is one, for the published dilation rates to mean the same.

    Args:
        width: int. Channels of each branch and of the result. Defaults to 256.
        rates: Tuple of int. Dilation rates. Defaults to (12, 24, 36).
        dropout: float. Dropout rate after the projection. Defaults to 0.5.

    Call arguments:
        features: List of maps (N, h, w, channels), coarse to fine.

    Returns:
        Tensor (N, h, w, width).

    Reference:
        Chen et al., "Rethinking Atrous Convolution for Semantic Image
        Segmentation", 2017.
    """

    def __init__(self, width=256, rates=(12, 24, 36), dropout=0.5, **kwargs):
        super().__init__(**kwargs)
        self.width = width
        self.rates = tuple(rates)
        self.dropout = dropout
        self.branches = [self._unit(1)] + [self._unit(3, rate) for rate in self.rates]
        self.pooled = self._unit(1)
        self.project = self._unit(1)
        self.drop = layers.Dropout(dropout, dtype=self.dtype_policy)
        self.refine = self._unit(3)

    def _unit(self, kernel, rate=1):
        policy = self.dtype_policy
        return keras.Sequential(
            [
                layers.Conv2D(
                    self.width,
                    kernel,
                    dilation_rate=rate,
                    padding="same",
                    use_bias=False,
                    dtype=policy,
                ),
                layers.BatchNormalization(synchronized=True, dtype=policy),
                layers.Activation("relu", dtype=policy),
            ]
        )

    def build(self, features_shape):
        final = features_shape[0]
        for branch in [*self.branches, self.pooled]:
            branch.build(final)
        merged = self.width * (len(self.branches) + 1)
        self.project.build((*final[:-1], merged))
        self.refine.build((*final[:-1], self.width))

    def call(self, features, training=False):
        x = features[0]
        if len(features) > 2:
            size = ops.shape(features[2])[1:3]
            x = ops.cast(resize_bilinear(x, size), x.dtype)
        pooled = self.pooled(ops.mean(x, axis=(1, 2), keepdims=True), training=training)
        pooled = ops.broadcast_to(pooled, ops.shape(x)[:3] + (self.width,))
        merged = [branch(x, training=training) for branch in self.branches]
        x = self.project(ops.concatenate([*merged, pooled], axis=-1), training=training)
        return self.refine(self.drop(x, training=training), training=training)

    def compute_output_shape(self, features_shape):
        level = features_shape[2] if len(features_shape) > 2 else features_shape[0]
        return (*level[:-1], self.width)

    def get_config(self):
        config = {"width": self.width, "rates": self.rates, "dropout": self.dropout}
        return {**super().get_config(), **config}
