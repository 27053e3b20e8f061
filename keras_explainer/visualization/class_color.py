import functools

import numpy as np

_OKABE_ITO = (
    "#E69F00",  # orange
    "#56B4E9",  # sky blue
    "#009E73",  # bluish green
    "#F0E442",  # yellow
    "#CC79A7",  # reddish purple
    "#D55E00",  # vermilion
    "#0072B2",  # blue
)
# More than these nobody tells apart; then they begin again.
_FURTHER = 256
# Levels of red, green and blue that further colours are made of.
_LEVELS = range(0, 256, 15)
# Neither grey, nor so dark or light that it is lost on a photograph; in Oklab.
_LEAST_CHROMA, _DARKEST, _LIGHTEST = 0.08, 0.4, 0.9


def class_color(index):
    """Returns the colour that a class keeps in every picture.

    The first seven are those of Okabe and Ito, which stay apart under the common
    colour vision deficiencies. Each one after them is, of all lively colours, the one
    that looks least like those before it: the farthest from the nearest in Oklab.
    Class 263 takes the colour of class 7 again.

    Args:
        index: int, the class index, 0 or more.

    Returns:
        String, a colour written "#RRGGBB".

    Raises:
        ValueError: `index` is negative.

    Example:

    >>> class_color(0), class_color(7)
    ('#E69F00', '#87005A')

    Reference:

    - Okabe & Ito, "Color Universal Design", 2008.
    - Ottosson, "A perceptual color space for image processing", 2020.
    """
    if index < 0:
        raise ValueError(
            f"Argument `index` should be 0 or more. Received: index={index}"
        )
    if index < len(_OKABE_ITO):
        return _OKABE_ITO[index]
    further = _further_colors()
    return further[(index - len(_OKABE_ITO)) % len(further)]


@functools.cache
def _further_colors():
    """Returns the other colours, each the farthest from those before it."""
    levels = np.stack(np.meshgrid(*[_LEVELS] * 3, indexing="ij"), -1).reshape(-1, 3)
    lab = _oklab(levels)
    lightness, chroma = lab[:, 0], np.hypot(lab[:, 1], lab[:, 2])
    lively = (chroma > _LEAST_CHROMA) & (lightness > _DARKEST)
    lively &= lightness < _LIGHTEST
    levels, lab = levels[lively], lab[lively]
    known = [[int(color[i : i + 2], 16) for i in (1, 3, 5)] for color in _OKABE_ITO]
    nearest = np.full(len(lab), np.inf)
    for other in _oklab(np.array(known)):
        nearest = np.minimum(nearest, np.linalg.norm(lab - other, axis=1))
    colors = []
    for _ in range(_FURTHER):
        farthest = int(np.argmax(nearest))
        colors.append("#{:02X}{:02X}{:02X}".format(*levels[farthest]))
        distances = np.linalg.norm(lab - lab[farthest], axis=1)
        nearest = np.minimum(nearest, distances)
        nearest[farthest] = -1  # Taken.
    return colors


def _oklab(levels):
    """Returns lightness, green to red and blue to yellow of sRGB levels (n, 3)."""
    srgb = levels / 255
    linear = np.where(srgb <= 0.04045, srgb / 12.92, ((srgb + 0.055) / 1.055) ** 2.4)
    cones = np.cbrt(
        linear
        @ np.array(
            [
                [0.4122214708, 0.2119034982, 0.0883024619],
                [0.5363325363, 0.6806995451, 0.2817188376],
                [0.0514459929, 0.1073969566, 0.6299787005],
            ]
        )
    )
    return cones @ np.array(
        [
            [0.2104542553, 1.9779984951, 0.0259040371],
            [0.7936177850, -2.4285922050, 0.7827717662],
            [-0.0040720468, 0.4505937099, -0.8086757660],
        ]
    )
