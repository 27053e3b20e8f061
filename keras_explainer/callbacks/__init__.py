"""What can be given to `fit` as `callbacks`."""

from keras_explainer.callbacks.mask_gallery import MaskGallery
from keras_explainer.callbacks.mask_quality import MaskQuality

__all__ = ["MaskGallery", "MaskQuality"]
