"""Networks that turn feature maps into class masks."""

from keras_explainer.decoders.cell_attention import CellAttention
from keras_explainer.decoders.cell_selector import CellSelector
from keras_explainer.decoders.class_head import ClassHead
from keras_explainer.decoders.class_selector import ClassSelectorDecoder
from keras_explainer.decoders.deeplabv3 import DeepLabV3Decoder
from keras_explainer.decoders.unet import UNetDecoder

__all__ = [
    "CellAttention",
    "CellSelector",
    "ClassHead",
    "ClassSelectorDecoder",
    "DeepLabV3Decoder",
    "UNetDecoder",
]
