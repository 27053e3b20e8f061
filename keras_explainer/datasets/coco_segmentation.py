"""From the outlines of COCO annotations to masks, pixel for pixel as pycocotools."""

import numpy as np

from keras_explainer.void import VOID

_FINER = 5  # how many times finer than the pixels the outline of a polygon is drawn


def class_mask(annotations, numbers, height, width):
    """Draws all annotations of an image into one mask.

    Args:
        annotations: List of dicts with `segmentation`, `category_id` and `iscrowd`.
        numbers: Dict from a category id to its value in the mask, 0 for categories
            that count as background.
        height: int, of the image in pixels.
        width: int.

    Returns:
        uint8 array `(height, width)`: smaller objects lie on top of larger ones, and
        all of them on crowds, which are void (255).

    Raises:
        ValueError: If a run-length code does not fit the image.
    """
    mask = np.zeros((height, width), "uint8")
    objects = []
    for annotation in annotations:
        number = numbers[annotation["category_id"]]
        inside = object_mask(annotation["segmentation"], height, width)
        if not annotation.get("iscrowd"):
            objects.append((inside, number))
        elif number:
            mask[inside] = VOID
    objects.sort(key=lambda pair: np.count_nonzero(pair[0]), reverse=True)
    for inside, number in objects:
        mask[inside] = number
    return mask


def object_mask(segmentation, height, width):
    """Returns the bool array `(height, width)` of one object.

    Args:
        segmentation: List of polygons, each a flat list of x and y in pixels; or a
            dict with `counts`, the run lengths in column order as a list or as
            COCO's compressed string.
        height: int.
        width: int.
    """
    if isinstance(segmentation, dict):
        counts = segmentation["counts"]
        counts = counts if isinstance(counts, list) else decompress(counts)
        if sum(counts) != height * width or min(counts) < 0:
            raise ValueError(f"run lengths do not sum to {height} x {width} pixels")
        flat = np.repeat(np.arange(len(counts)) % 2 == 1, counts)
        return flat.reshape(width, height).T
    inside = np.zeros((height, width), bool)
    for polygon in segmentation:
        inside |= polygon_mask(polygon, height, width)
    return inside


def polygon_mask(polygon, height, width):
    """Returns the bool array `(height, width)` of the inside of a polygon."""
    u, v = outline(polygon)
    step = np.flatnonzero(u[1:] != u[:-1])  # where the outline enters another column
    x = np.where(u[step + 1] < u[step], u[step + 1], u[step + 1] - 1)
    x = (x + 0.5) / _FINER - 0.5
    y = (np.minimum(v[step + 1], v[step]) + 0.5) / _FINER - 0.5
    centre = (np.floor(x) == x) & (x >= 0) & (x <= width - 1)  # of a column of pixels
    x, y = x[centre].astype(int), np.ceil(np.clip(y[centre], 0, height)).astype(int)
    # A pixel is inside if the outline is crossed an odd number of times before it.
    crossings = np.bincount(x * height + y, minlength=height * width + 1)
    return (np.cumsum(crossings[:-1]) % 2 == 1).reshape(width, height).T


def outline(polygon):
    """Returns the whole x and y of all points on a polygon's edges, on a finer grid."""
    start = (_FINER * np.reshape(polygon, (-1, 2)) + 0.5).astype(int)
    end = np.roll(start, -1, axis=0)
    length = np.abs(end - start)
    along = (length[:, 0] < length[:, 1]).astype(int)  # the axis of more points
    edges = np.arange(len(start))
    backwards = start[edges, along] > end[edges, along]
    low = np.where(backwards[:, None], end, start)
    rise = np.where(backwards[:, None], start, end) - low
    points = length.max(axis=1) + 1
    slope = rise[edges, 1 - along] / np.maximum(points - 1, 1)

    edge = np.repeat(edges, points)
    t = np.arange(len(edge)) - np.repeat(np.cumsum(points) - points, points)
    t = np.where(backwards[edge], points[edge] - 1 - t, t)
    along = along[edge]
    found = np.empty((len(edge), 2), int)
    found[np.arange(len(edge)), along] = low[edge, along] + t
    found[np.arange(len(edge)), 1 - along] = (
        low[edge, 1 - along] + slope[edge] * t + 0.5
    )
    return found.T


def decompress(text):
    """Returns the run lengths that COCO's compressed string stands for.

    Each is written in groups of five bits, the lowest first, one character each; a
    sixth bit says that more follow, and from the fourth on it is the difference to
    the run length two before.
    """
    counts = []
    value = shift = 0
    for code in text.encode() if isinstance(text, str) else text:
        code -= 48
        value |= (code & 31) << shift
        shift += 5
        if code & 32:
            continue
        if code & 16:
            value -= 1 << shift
        counts.append(value + (counts[-2] if len(counts) > 2 else 0))
        value = shift = 0
    return counts
