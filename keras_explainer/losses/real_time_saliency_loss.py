"""The objective of real-time saliency: preserve, destroy, small and smooth."""

import keras
from keras import ops

from keras_explainer.losses.objective import Objective


@keras.saving.register_keras_serializable(package="keras_explainer")
class RealTimeSaliencyLoss(Objective):
    """What a mask keeps should show the class, what it leaves should not.

    With the class's probability p behind the mask and p' in the complement, the loss
    of an image is -preserve_weight * log p + destroy_weight * p' ** destroy_power +
    area_weight * mean(mask) + smoothness_weight * the mean squared difference of
    neighbouring cells, which is smaller the finer these are: the weights are for those
    of this explainer, of 4 pixels in photographs. For a class that is not in the image
    (a fake one) only the last two count, and the selector should say so.

    The defaults are re-tuned: with the published area of almost no weight, masks of
    whole objects and more cost nothing.

    Args:
        preserve_weight: float.
        destroy_weight: float.
        destroy_power: float. Below 1, the last evidence counts most.
        area_weight: float.
        smoothness_weight: float.
        selection_weight: float. Weight of the selector's cross-entropy: is the class
            in the image?
        fake_share: float in [0, 1]. Share of the images that are asked for a class
            that they do not have.

    Example:

    >>> explainer = kx.RealTimeSaliencyExplainer(classifier)
    >>> explainer.compile(loss=RealTimeSaliencyLoss.published())

    Reference:
        Dabkowski and Gal, "Real Time Image Saliency for Black Box Classifiers",
        NeurIPS 2017.
    """

    TERMS = ("preservation", "destruction", "area", "smoothness", "selection")

    def __init__(
        self,
        preserve_weight=1.0,
        destroy_weight=1.0,
        destroy_power=0.3,
        area_weight=2.0,
        smoothness_weight=1.0,
        selection_weight=1.0,
        fake_share=0.3,
    ):
        super().__init__(
            preserve_weight=preserve_weight,
            destroy_weight=destroy_weight,
            destroy_power=destroy_power,
            area_weight=area_weight,
            smoothness_weight=smoothness_weight,
            selection_weight=selection_weight,
            fake_share=fake_share,
        )

    @classmethod
    def published(cls):
        """Returns the weights of the paper, with half of the classes fake."""
        return cls(
            preserve_weight=1.0,
            destroy_weight=5.0,
            destroy_power=0.3,
            area_weight=1e-3,
            smoothness_weight=10.0,
            selection_weight=1.0,
            fake_share=0.5,
        )

    def __call__(self, masks, kept, removed, selected, real):
        """Computes the weighted terms of each image.

        Args:
            masks: Tensor (N, h, w) in [0, 1].
            kept: Tensor (N,), log of the class's probability behind the mask.
            removed: Tensor (N,), the same in the complement.
            selected: Tensor (N,), the selector's log-odds of the class.
            real: Tensor (N,), 1 where the class is in the image and 0 where not.

        Returns:
            Dict from each of `TERMS` to a tensor (N,).
        """
        destroyed = ops.exp(self.destroy_power * removed)
        is_there = ops.softplus(selected) - real * selected
        return {
            "preservation": -self.preserve_weight * real * kept,
            "destruction": self.destroy_weight * real * destroyed,
            "area": self.area_weight * ops.mean(masks, axis=(1, 2)),
            "smoothness": self.smoothness_weight * _squared_variation(masks),
            "selection": self.selection_weight * is_there,
        }


def _squared_variation(masks):
    down = ops.square(masks[:, 1:] - masks[:, :-1])
    right = ops.square(masks[:, :, 1:] - masks[:, :, :-1])
    return ops.mean(down, axis=(1, 2)) + ops.mean(right, axis=(1, 2))
