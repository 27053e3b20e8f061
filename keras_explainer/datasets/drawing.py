"""How the pictures of `shapes` are drawn: outlines, paint and backgrounds.

An outline is a signed distance: a function of coordinates (x to the right, y down,
the shape inside the unit circle) that is negative inside the shape and whose
absolute value near the edge is the distance to the edge.
"""

import colorsys
import math

import numpy as np


def circle(x, y, radius=0.88):
    return np.hypot(x, y) - radius


def ring(x, y):
    return np.abs(np.hypot(x, y) - 0.72) - 0.24


def crescent(x, y):
    return np.maximum(circle(x + 0.1, y, 0.9), -circle(x - 0.36, y, 0.68))


def box(x, y, half_width, half_height):
    x, y = np.abs(x) - half_width, np.abs(y) - half_height
    outside = np.hypot(np.maximum(x, 0), np.maximum(y, 0))
    return outside + np.minimum(np.maximum(x, y), 0)


def square(x, y):
    return box(x, y, 0.69, 0.69)


def cross(x, y):
    return np.minimum(box(x, y, 0.94, 0.28), box(x, y, 0.28, 0.94))


def triangle(x, y):
    return np.maximum(np.abs(x) * math.sqrt(0.75) - y * 0.5, y) - 0.48


def star(x, y, points=5, outer=0.98, inner=0.42):
    # Fold the plane onto half an arm, from a tip to a notch: its edge is one line.
    sector = math.pi / points
    length, angle = np.hypot(x, y), np.arctan2(x, -y)
    angle = np.abs(angle - 2 * sector * np.round(angle / (2 * sector)))
    x, y = length * np.sin(angle), length * np.cos(angle)
    along_x, along_y = inner * math.sin(sector), inner * math.cos(sector) - outer
    across = (y - outer) * along_x - x * along_y
    return across / math.hypot(along_x, along_y)


def heart(x, y):
    # A disc and the tangent from the tip to it; the other half is its reflection.
    x, y = np.abs(x) - 0.42, -0.3 - y
    cos, sin = math.cos(0.72), math.sin(0.72)
    side = np.maximum(cos * x - sin * y - 0.48, sin * x + cos * y)
    return np.minimum(np.hypot(x, y) - 0.48, np.maximum(side, y))


SHAPES = {
    "circle": circle,
    "crescent": crescent,
    "cross": cross,
    "heart": heart,
    "ring": ring,
    "square": square,
    "star": star,
    "triangle": triangle,
}


_MUTED = (0.05, 0.55), (0.2, 1.0)  # ranges of saturation and of value
_VIVID = (0.2, 1.0), (0.3, 1.0)


def draw_background(rng, size):
    """A quiet picture without objects: float32 `(3, H, W)` around 0..255."""
    unit = min(size)
    x, y = coordinates((..., slice(0, size[0]), slice(0, size[1])), (0, 0), 0)
    image = _random_color(rng, *_MUTED)
    for _ in range(2):
        share = _waves(rng, x, y, 0.3 / unit, 1.3 / unit)
        image = image + share * (_random_color(rng, *_MUTED) - image)
    light = rng.uniform(0, 30) * _waves(rng, x, y, 2 / unit, 7 / unit)
    light += rng.uniform(0, 8) * rng.standard_normal(size, "float32")
    if rng.random() < 0.3:
        light += rng.uniform(8, 25) * _stripes(rng, x, y, unit * 0.1)
    image += light - light.mean()
    for _ in range(rng.integers(3, 10)):
        _draw_stroke(rng, image)
    return image


def _draw_stroke(rng, image):
    """A straight line with round ends: clutter that is no object."""
    _, height, width = image.shape
    unit = min(height, width)
    half_length = unit * rng.uniform(0.04, 0.25)
    half_width = unit * 0.004 * 2 ** rng.uniform(0, 2.5)
    centre = rng.uniform(0, height), rng.uniform(0, width)
    angle = rng.uniform(0, math.pi)
    reach_x = abs(math.cos(angle)) * half_length + half_width
    reach_y = abs(math.sin(angle)) * half_length + half_width
    place = window((height, width), centre, (reach_y, reach_x))
    x, y = coordinates(place, centre, angle)
    distance = np.hypot(np.maximum(np.abs(x) - half_length, 0), y) - half_width
    blend(image[place], distance, _random_color(rng, *_VIVID))


def paint(rng, image, x, y, distance, radius):
    """Fills a shape, in place, with a texture of two colours that stand out."""
    ground = image.mean((1, 2), keepdims=True)
    first = _contrasting_color(rng, ground)
    second = _contrasting_color(rng, first, ground)
    texture = rng.choice(["plain", "stripes", "dots", "gradient", "noise"])
    if texture == "plain":
        share = np.zeros_like(x)
    elif texture == "stripes":
        share = _stripes(rng, x, y, radius * 0.6)
    elif texture == "dots":
        share = _dots(rng, x, y, radius * 0.5)
    elif texture == "gradient":
        share = np.clip(0.5 + 0.5 * projection(rng, x, y) / radius, 0, 1)
    else:
        share = _waves(rng, x, y, 0.8 / radius, 2.5 / radius)
    blend(image, distance, first + share * (second - first))


def blend(image, distance, color):
    """Lays a colour over the pixels inside an edge, in place, anti-aliased."""
    image += np.clip(0.5 - distance, 0, 1) * (color - image)


def _stripes(rng, x, y, period):
    """Parallel bands, anti-aliased, from 0 to 1."""
    period *= rng.uniform(0.6, 1.2)
    offset = np.abs((projection(rng, x, y) / period + rng.random()) % 1 - 0.5)
    return np.clip((offset - 0.25) * period + 0.5, 0, 1)


def _dots(rng, x, y, period):
    """Small discs on a square grid, anti-aliased, from 0 to 1."""
    period *= rng.uniform(0.7, 1.2)
    x, y = turn(x, y, rng.uniform(0, math.pi))
    distance = np.hypot((x / period) % 1 - 0.5, (y / period) % 1 - 0.5)
    return np.clip((0.3 - distance) * period + 0.5, 0, 1)


def _waves(rng, x, y, lowest, highest):
    """A smooth random field, of frequencies in waves per pixel, from 0 to 1."""
    field = 0.5
    for _ in range(4):
        frequency = 2 * math.pi * rng.uniform(lowest, highest)
        phase = rng.uniform(0, 2 * math.pi)
        field = field + 0.25 * np.sin(frequency * projection(rng, x, y) + phase)
    return np.clip(field, 0, 1)


def projection(rng, x, y):
    """The coordinate along a random direction."""
    angle = rng.uniform(0, 2 * math.pi)
    return math.cos(angle) * x + math.sin(angle) * y


def turn(x, y, angle):
    cos, sin = math.cos(angle), math.sin(angle)
    return cos * x + sin * y, cos * y - sin * x


def window(shape, centre, reach):
    """Indexes the pixels within `reach` of `centre`, both (y, x), of any image."""
    return ..., *(
        slice(max(int(c - r - 1), 0), min(int(c + r + 2), length))
        for c, r, length in zip(centre, reach, shape)
    )


def coordinates(place, centre, angle):
    """The x and y of a window's pixels about a centre, in a frame turned by angle."""
    y, x = (
        np.arange(s.start, s.stop, dtype="float32") + np.float32(0.5 - c)
        for s, c in zip(place[1:], centre)
    )
    return turn(x, y[:, None], angle)


def _random_color(rng, saturation, value):
    color = colorsys.hsv_to_rgb(
        rng.random(), rng.uniform(*saturation), rng.uniform(*value)
    )
    return 255 * np.array(color, "float32")[:, None, None]


def _contrasting_color(rng, *others, contrast=160):
    """Draws colours until one is far, in RGB, from all the others."""
    while True:
        color = _random_color(rng, *_VIVID)
        if all(np.abs(color - other).sum() > contrast for other in others):
            return color
        contrast *= 0.95
