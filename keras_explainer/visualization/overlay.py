import numpy as np
from PIL import Image
from PIL import ImageColor
from PIL import ImageFilter

from keras_explainer.visualization.pixels import as_image
from keras_explainer.visualization.pixels import as_mask
from keras_explainer.visualization.pixels import to_uint8

MASK_COLOR = "#E69F00"  # of masks that belong to no single class
_LUMA = np.array([0.299, 0.587, 0.114], "float32")
_TINT = 0.35


def overlay(image, mask, color=MASK_COLOR, opacity=0.65):
    """Shows a mask on its photograph.

    Inside the mask the photograph keeps its colours; outside it is dark and nearly
    grey, in proportion to the mask. A thin line of `color` runs where the mask
    crosses one half, and the same colour tints what the mask is undecided about, so
    that a soft mask looks soft. A mask of ones gives the photograph itself.

    Args:
        image: Array (H, W, 3), (H, W, 1) or (H, W), uint8 or float, 0 to 255.
        mask: Array (h, w) or (h, w, 1), float in [0, 1] or bool. Resized to the image
            where it has another size.
        color: String ("#RRGGBB" or a CSS name) or three ints from 0 to 255. Defaults to
            orange.
        opacity: float in [0, 1], how much of the outside is hidden; 0 leaves it as it
            is, 1 makes it black. Defaults to 0.65.

    Returns:
        uint8 array (H, W, 3).

    Raises:
        ValueError: an argument has another shape or range.

    Example:

    ```python
    picture = kx.visualization.overlay(image, explanation.target_mask[0])
    kx.visualization.save_image(picture, "dog.png")
    ```
    """
    image = as_image(image)
    mask = as_mask(mask, size=image.shape[:2])
    color = _as_rgb(color)
    if not 0 <= opacity <= 1:
        raise ValueError(
            f"Argument `opacity` should lie in [0, 1]. Received: opacity={opacity}"
        )

    picture = image.astype("float32")
    grey = (picture @ _LUMA)[..., np.newaxis]
    outside = (1 - opacity) * _blend(picture, grey, opacity)
    shown = _blend(outside, picture, mask[..., np.newaxis])

    undecided = 4 * mask * (1 - mask)
    shown = _blend(shown, color, (_TINT * undecided)[..., np.newaxis])
    return to_uint8(_blend(shown, color, _contour(mask)[..., np.newaxis]))


def _blend(start, end, weight):
    return start + weight * (end - start)


def _contour(mask):
    # Blurring the thresholded mask turns the distance to its edge into a grey level,
    # from which an even, smooth line is cut; a mask without an edge gives no line.
    inside = Image.fromarray(np.where(mask >= 0.5, 255, 0).astype("uint8"))
    radius = max(1.0, max(mask.shape) / 700)
    blurred = np.asarray(inside.filter(ImageFilter.GaussianBlur(radius)), "float32")
    from_edge = np.abs(blurred / 127.5 - 1)
    return np.clip((0.95 - from_edge) / 0.55, 0, 1)


def _as_rgb(color):
    try:
        rgb = ImageColor.getrgb(color) if isinstance(color, str) else tuple(color)
        levels = np.array(rgb[:3] if isinstance(color, str) else rgb, "float32")
        if levels.shape == (3,) and levels.min() >= 0 and levels.max() <= 255:
            return levels
    except (TypeError, ValueError):
        pass
    raise ValueError(
        'Argument `color` should be "#RRGGBB", a CSS colour name or three levels '
        "from 0 to 255. "
        f"Received: color={color!r}"
    )
