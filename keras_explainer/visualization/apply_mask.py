import numpy as np

from keras_explainer.visualization.pixels import as_array
from keras_explainer.visualization.pixels import as_float
from keras_explainer.visualization.pixels import as_image
from keras_explainer.visualization.pixels import as_mask
from keras_explainer.visualization.pixels import to_uint8


def apply_mask(image, mask, background):
    """Shows what is left of a photograph after masking.

    Computes `mask * image + (1 - mask) * background`, as the classifier is shown it.

    Args:
        image: Array (H, W, 3), (H, W, 1) or (H, W), uint8 or float, 0 to 255.
        mask: Array (h, w) or (h, w, 1), float in [0, 1] or bool. Resized to the image
            where it has another size.
        background: what replaces a masked-out pixel: a level, three levels (RGB), or a
            picture of the image's height and width, 0 to 255.

    Returns:
        uint8 array (H, W, 3).

    Raises:
        ValueError: an argument has another shape or range.

    Example:

    >>> apply_mask([[200]], [[0.25]], background=100).tolist()
    [[[125, 125, 125]]]
    """
    image = as_image(image)
    mask = as_mask(mask, size=image.shape[:2])[..., np.newaxis]
    background = _as_background(background, image.shape)
    return to_uint8(mask * image + (1 - mask) * background)


def _as_background(background, shape):
    array = as_array(background, "background")
    if array.ndim >= 2:
        array = as_image(array, "background")
        fits = array.shape == shape
    else:
        array = as_float(array, "background")
        fits = array.shape in ((), (3,)) and np.all((array >= 0) & (array <= 255))
    if not fits:
        raise ValueError(
            "Argument `background` should be a level, three levels or a picture of "
            f"the image's size, from 0 to 255. Received: background={background!r}"
        )
    return array.astype("float32")
