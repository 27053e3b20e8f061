"""Maps of colours that are linear but for an offset: found, joined and inverted."""

import typing

import numpy as np
from keras import ops

# Enough for a map to be called affine, as a share of the span of its values; what is
# computed in half precision is no closer.
_TOLERANCE = 2e-3
# A colour that is none of those that a fit is made of, as shares of the range.
_MIXED = np.array([60, 200, 140, 100]) / 255.0


class AffineColors(typing.NamedTuple):
    """Colours `c` (..., n) become `c @ matrix + offset` (..., m).

    Args:
        matrix: float32 array (n, m).
        offset: float32 array (m,).
    """

    matrix: np.ndarray
    offset: np.ndarray

    def __call__(self, colors):
        return np.asarray(colors, "float32") @ self.matrix + self.offset

    @property
    def inverse(self):
        """The map back, or None if there is none."""
        if self.matrix.shape[0] != self.matrix.shape[1]:
            return None
        sizes = np.linalg.svd(self.matrix, compute_uv=False)
        if sizes[-1] <= 1e-5 * sizes[0]:
            return None
        back = np.linalg.inv(self.matrix.astype("float64"))
        return AffineColors(
            back.astype("float32"), (-self.offset @ back).astype("float32")
        )

    def then(self, other):
        """Returns the map that is this one and then another."""
        return AffineColors(
            self.matrix @ other.matrix, self.offset @ other.matrix + other.offset
        )

    def is_scaling(self, scale, offset):
        """Returns whether every channel is multiplied and moved by these numbers."""
        if self.matrix.shape[0] != self.matrix.shape[1]:
            return False
        scaled = self.matrix / scale - np.eye(len(self.matrix))
        moved = (self.offset - offset) / scale
        return abs(scaled).max() < 0.02 and abs(moved).max() < 0.02 * 255


def fit_affine(
    function, channels, low=0.0, high=255.0, size=(8, 8), of_each_pixel=True
):
    """Finds the affine map that a function of pictures is, by asking it.

    Args:
        function: Function from float32 pictures (N, H, W, channels) to an array
            (N, h, w, m).
        channels: int.
        low, high: float. Lowest and highest value of the pictures.
        size: Tuple of int, pixels. Height and width.
        of_each_pixel: Boolean. Whether pixels must not depend on their neighbours.

    Returns:
        An `AffineColors`, or None if the function is no such map.
    """
    span = high - low
    shares = np.concatenate(
        [np.zeros((1, channels)), np.eye(channels), [np.resize(_MIXED, channels)]]
    )
    colors = (low + span * shares).astype("float32")
    mapped = np.stack([color_of(function, color, size) for color in colors])
    matrix = (mapped[1:-1] - mapped[0]) / span
    found = AffineColors(
        matrix.astype("float32"), (mapped[0] - low * matrix.sum(0)).astype("float32")
    )
    room = _TOLERANCE * max(np.abs(mapped - mapped[0]).max(), 1e-12)
    if not np.isfinite(mapped).all() or np.ptp(mapped) == 0:
        return None
    if not np.allclose(found(colors[-1]), mapped[-1], rtol=0, atol=room):
        return None
    if of_each_pixel and not _maps_each_pixel(function, found, (low, high), size, room):
        return None
    return found


def color_of(function, color, size):
    """Returns the colour (m,) that a function makes of a picture of one colour."""
    picture = np.tile(np.asarray(color, "float32"), (1, *size, 1))
    mapped = np.float32(ops.convert_to_numpy(function(picture)))
    return mapped[0, mapped.shape[1] // 2, mapped.shape[2] // 2]


def _maps_each_pixel(function, affine, ends, size, room):
    channels = len(affine.matrix)
    levels = np.random.default_rng(0).integers(0, 256, (1, *size, channels)) / 255.0
    picture = (ends[0] + (ends[1] - ends[0]) * levels).astype("float32")
    result = np.float32(ops.convert_to_numpy(function(picture.copy())))
    if result.shape[1:3] != picture.shape[1:3]:
        return False
    return np.allclose(affine(picture), result, rtol=0, atol=room)
