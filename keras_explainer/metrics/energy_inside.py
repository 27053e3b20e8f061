"""Share of a map's energy that lies on the object."""

import keras
from keras import ops

from keras_explainer.metrics.map_arrays import compare
from keras_explainer.metrics.map_arrays import known_where
from keras_explainer.metrics.map_arrays import sum_pixels
from keras_explainer.metrics.mean_over_images import MeanOverImages


def energy_inside(masks, truth):
    """Computes the share of a map's positive sum that is on the object, per image.

    Args:
        masks: Array or tensor (N, H, W) or (N, H, W, 1), of any range; negative
            values count as 0.
        truth: Array or tensor of the same size, bool, or 0 for background, 255 for
            void (not counted), anything else for the object.

    Returns:
        float32 tensor (N,) in [0, 1]; 0 for maps without a positive value, NaN for
        images without an object.

    Raises:
        ValueError: If the shapes do not suit each other.

    Example:

    >>> mask, truth = np.array([[[3.0, 1.0, -2.0]]]), np.array([[[1, 0, 0]]])
    >>> energy_inside(mask, truth).numpy().tolist()
    [0.75]

    Reference:
        Wang et al., "Score-CAM: Score-Weighted Visual Explanations for
        Convolutional Neural Networks", CVPR Workshops 2020.
    """
    masks, inside, valid = compare(masks, truth)
    energy = ops.maximum(masks, 0.0) * valid
    total = sum_pixels(energy)
    share = sum_pixels(energy * inside) / ops.where(total > 0, total, 1.0)
    return known_where(sum_pixels(inside) > 0, share)


@keras.saving.register_keras_serializable(package="keras_explainer")
class EnergyInside(MeanOverImages):
    """Averages `energy_inside` over images.

    Example:

    >>> model.compile(metrics=[EnergyInside()])
    """

    def __init__(self, name="energy_inside", dtype=None):
        super().__init__(energy_inside, {}, name, dtype)
