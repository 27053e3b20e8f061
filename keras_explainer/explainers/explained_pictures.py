"""What an explainer was asked about, to be shown with its answer."""

import numpy as np
from keras import ops

from keras_explainer.files.given_pictures import are_pictures
from keras_explainer.files.given_pictures import given_pictures
from keras_explainer.files.given_pictures import picture_levels

_RESTORED = 64  # images at once, as floats


class ExplainedPictures:
    """Turns pictures into images that an explainer takes, and images into pictures.

    Args:
        explainer: The `BaseExplainer`, which knows size and preprocessing.
        images: What `explain` was given, in any form.

    Raises:
        ValueError: If a picture cannot be read, or the preprocessing is not known.
    """

    def __init__(self, explainer, images):
        self.explainer = explainer
        self.images, self.pictures, self.names = images, None, None
        if are_pictures(images):
            self.pictures, self.names = given_pictures(images)
            size = explainer.frozen.image_shape[:2]
            levels = picture_levels(self.pictures, size)
            self.images = ops.convert_to_numpy(explainer.preprocessing(levels))

    def noted_in(self, explanation, images):
        """Returns an explanation that knows its pictures, names and classes.

        Args:
            explanation: The `Explanation`.
            images: Array or tensor (N, H, W, channels), as the classifier took them.
        """
        pictures = self._restored(images) if self.pictures is None else self.pictures
        names = self.explainer.class_names
        # Keras's own kind of list would keep the explanation from being pickled.
        return explanation.of(pictures, self.names, names and list(names))

    def _restored(self, images):
        """Returns images as uint8, which take a quarter of the memory."""
        restore = self.explainer.preprocessing.restore
        # Where nothing tells the range, it is that of all images together.
        can_part = self.explainer.preprocessing.can_restore
        step = _RESTORED if can_part else len(images)
        parts = (restore(images[i : i + step]) for i in range(0, len(images), step))
        parts = map(ops.convert_to_numpy, parts)
        return np.concatenate(
            [np.clip(np.rint(part), 0, 255).astype("uint8") for part in parts]
        )
