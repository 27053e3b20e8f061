"""What can be given to `fit` as `callbacks`."""

import keras_explainer.require_tensorflow  # noqa: F401
from keras_explainer.callbacks.mask_gallery import MaskGallery
from keras_explainer.callbacks.mask_quality import MaskQuality

__all__ = ["MaskGallery", "MaskQuality"]
