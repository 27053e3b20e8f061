"""Decoders by name."""

import keras

from keras_explainer.decoders.deeplabv3 import DeepLabV3Decoder
from keras_explainer.decoders.unet import UNetDecoder


def get_decoder(decoder):
    """Returns the decoder that a name stands for, or the model itself.

    Args:
        decoder: "unet", "deeplabv3", or a `keras.Model`.

    Raises:
        ValueError: If it is neither.
    """
    if isinstance(decoder, keras.Model):
        return decoder
    names = {"unet": UNetDecoder, "deeplabv3": DeepLabV3Decoder}
    if decoder not in names:
        raise ValueError(
            'Argument `decoder` should be "unet", "deeplabv3", or a `keras.Model` from '
            f"feature maps to class mask logits. Received: {decoder!r}"
        )
    return names[decoder](name="decoder")
