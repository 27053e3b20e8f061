"""The default decoder: a light U-Net over the classifier's own feature maps."""

import keras
from keras import layers
from keras import ops

from keras_explainer.image_operations.resize import resize_bilinear

_SEPARABLE = 1  # of the finest maps, whose convolutions are separable


@keras.saving.register_keras_serializable(package="keras_explainer")
class UNetDecoder(layers.Layer):
    """Merges feature maps, coarse to fine, into one vector for each cell.

    Each map is projected to `width` channels and normalised by groups (batch
    statistics would make masks differ between training and inference); from the
    coarsest on, the sum is refined by a separable convolution and enlarged.

    Args:
        width: int. Channels of every stage and of the result. Defaults to 64.

    Call arguments:
        features: List of maps (N, h, w, channels), coarse to fine.

    Returns:
        Tensor (N, H, W, width) at the size of the finest map.

    Example:

    >>> features = [np.zeros((1, 7, 7, 32)), np.zeros((1, 14, 14, 16))]
    >>> UNetDecoder(width=8)(features).shape
    TensorShape([1, 14, 14, 8])
    """

    def __init__(self, width=64, **kwargs):
        super().__init__(**kwargs)
        self.width = width
        self.lateral = []
        self.refine = []
        self.normalize = []

    def build(self, features_shape):
        groups = _groups(self.width)
        for shape in features_shape:
            lateral = keras.Sequential(
                [
                    layers.Conv2D(
                        self.width, 1, use_bias=False, dtype=self.dtype_policy
                    ),
                    layers.GroupNormalization(groups, dtype=self.dtype_policy),
                ]
            )
            lateral.build(shape)
            self.lateral.append(lateral)
            # Whole convolutions where there are few cells to run them on.
            is_coarse = len(self.refine) < len(features_shape) - _SEPARABLE
            convolution = layers.Conv2D if is_coarse else layers.SeparableConv2D
            refine = keras.Sequential(
                [
                    convolution(
                        self.width,
                        3,
                        padding="same",
                        use_bias=False,
                        dtype=self.dtype_policy,
                    ),
                    layers.GroupNormalization(groups, dtype=self.dtype_policy),
                    layers.Activation("relu", dtype=self.dtype_policy),
                ]
            )
            refine.build((*shape[:-1], self.width))
            self.refine.append(refine)

    def call(self, features):
        merged = None
        for feature, lateral, refine in zip(features, self.lateral, self.refine):
            x = lateral(feature)
            if merged is not None:
                x = x + ops.cast(resize_bilinear(merged, ops.shape(x)[1:3]), x.dtype)
            merged = refine(ops.relu(x))
        return merged

    def compute_output_shape(self, features_shape):
        return (*features_shape[-1][:-1], self.width)

    def get_config(self):
        return {**super().get_config(), "width": self.width}


def _groups(width):
    return next(groups for groups in (8, 4, 2, 1) if width % groups == 0)
