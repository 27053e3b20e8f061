"""How an evaluation is done: well, or as the authors of the method did it."""

import typing

import numpy as np
from keras import ops

from keras_explainer.metrics.mask_metric import grow
from keras_explainer.void import VOID


class Protocol(typing.NamedTuple):
    """The choices in which evaluations differ.

    Args:
        name: String.
        background: What replaces masked-out pixels, or None for the explainer's own
            background.
        soft_accuracy: Boolean. Whether a pixel is right to the degree 1 - |mask -
            truth| instead of above or below 0.5.
        wide_truth: Boolean. Whether void pixels, and a border of one pixel, count
            as object.
        published_methods: Boolean. Whether methods run, and their maps are
            stretched, as the authors of the explainer did it.
        masks_only: Boolean. Whether the explainer's masks are measured where the order
            of pixels counts too, instead of its relevance.
        accidents: Tuple of strings, what the protocol does that it should not.
        left_out: Tuple of strings, accidents that are not reproduced.
    """

    name: str
    background: typing.Any = None
    soft_accuracy: bool = False
    wide_truth: bool = False
    published_methods: bool = False
    masks_only: bool = False
    accidents: tuple = ()
    left_out: tuple = ()

    def object_masks(self, truth, classes):
        """Returns which pixels count as the object of one class in each image.

        Args:
            truth: Array (P, H, W): 0 for background, i + 1 for class i, 255 for void.
            classes: int array (P,), or None for the objects of all classes.

        Returns:
            uint8 array (P, H, W): 0 for background, 1 for the object, 255 for void.
        """
        void = truth == VOID
        if classes is None:
            inside = (truth > 0) & ~void
        else:
            inside = truth == classes[:, None, None] + 1
        if not self.wide_truth:
            return np.where(void, VOID, inside).astype("uint8")
        # Void belongs to the outline of some object, so only where there is one.
        wide = inside | (void & inside.any(axis=(1, 2), keepdims=True))
        return np.asarray(grow(ops.cast(wide, "float32"), 1)).astype("uint8")


PROTOCOLS = {
    "default": Protocol("default"),
    "published": Protocol(
        "published",
        background=0.0,
        soft_accuracy=True,
        wide_truth=True,
        published_methods=True,
        masks_only=True,
        accidents=(
            "removed pixels are 0 in the classifier's input space (the preprocessed "
            "image is multiplied by the mask), whatever colour that is",
            "the saliency score takes a softmax over the classes even where the "
            "classifier is multi-label",
            "void pixels and a border of one pixel count as object (the authors' masks "
            "were resized bilinearly and cut at > 0)",
            "accuracy is soft: 1 - |mask - truth|",
            "the maps of RISE, extremal perturbations and iGOS++ are stretched from 0 "
            "to 1, those of the explainer are not",
            "extremal perturbations maximise the logit less the highest other one, "
            "RISE is TorchRay's (sigmoid scores, mirrored borders)",
            "where the Grad-CAM map of one class is empty, the whole mask is",
            "the classes in the image, not the predicted ones, are explained",
        ),
        left_out=(
            "dropout of the VGG classifier was active while scores were computed",
            "a class counted once for each of its objects",
            "COCO images were drawn without a seed, and those without labels counted "
            "as having all",
        ),
    ),
}
