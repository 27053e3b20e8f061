"""What reads feature maps where a classifier has none."""

import keras
from keras import layers

from keras_explainer.decoders.feature_encoder import FeatureEncoder

_WIDTHS = (16, 32, 64, 128)
_FEWEST_CELLS = 4


def own_encoder(frozen):
    """Returns a small encoder, to be trained along, if a classifier has no feature map.

    Args:
        frozen: The `FrozenClassifier`; with an encoder it does not look for maps.

    Returns:
        A `FeatureEncoder`, or None for a classifier with a map.
    """
    if frozen.has_map:
        return None
    frozen.with_features = False
    images = x = keras.Input(frozen.graph.input_spec.shape[1:])
    side = min(frozen.image_shape[:2])
    for width in _WIDTHS:
        if side < 2 * _FEWEST_CELLS and width > _WIDTHS[0]:
            break
        x = layers.Conv2D(width, 3, strides=2, padding="same")(x)
        # The images may be of any range.
        x = layers.ReLU()(layers.GroupNormalization(1)(x))
        side = -(-side // 2)
    backbone = keras.Model(images, x, name="own_encoder")
    return FeatureEncoder(backbone, frozen.finest_stride, name="encoder")
