"""What stands between a classifier's input and its first layer with a kernel."""

import keras
import numpy as np

from keras_explainer.classifiers.affine_colors import color_of
from keras_explainer.classifiers.affine_colors import fit_affine

# Ranges of values that people keep images in.
IMAGE_RANGES = {"identity": (0.0, 255.0), "0..1": (0.0, 1.0), "-1..1": (-1.0, 1.0)}
# How much less likely than another of the same fit a range is.
_RARITY = {"identity": 0.0, "0..1": 0.0, "-1..1": 0.5}
# Span of standardised images: those in [-1, 1] have 2, divided by their standard
# deviation about 4.5.
_USUAL_SPAN = 2.5
# Layers with weights that are still statistics of the images.
_NORMALIZATIONS = (keras.layers.Normalization, keras.layers.BatchNormalization)


class InputFront:
    """The first operations of a classifier, which have no kernel.

    Rescaling, normalisation, arithmetic, exchanged channels, casts, augmentation and
    functions in `Lambda` layers are not told apart by their names: the front is asked
    what it makes of plain pictures.

    Args:
        graph: `LayerGraph` of the classifier.
    """

    def __init__(self, graph):
        self.graph = graph
        self.channels = graph.shape(graph.input)[-1]
        self.end = _end_of_front(graph)
        self.calls = graph.calls_between({graph.input}, [self.end])
        self.image_range = None
        self.affine = None
        self.fits = {}  # The affine map that it is on each range, or None.
        if not self.calls:
            return
        if "int" in graph.input_spec.dtype:
            self.image_range = "identity"
            return
        try:
            self._ask()
        # A user's own function in a layer may raise anything on plain pictures.
        except Exception:
            self.image_range, self.affine, self.fits = None, None, {}

    @property
    def is_unreadable(self):
        """Whether operations are there of which the range of images is not known."""
        return bool(self.calls) and self.image_range is None and not self.keeps_values

    @property
    def keeps_values(self):
        """Whether values stay as they are, in any order of the channels."""
        if self.image_range is not None:
            return False
        return not self.calls or _is_order(self.affine)

    @property
    def mean_color(self):
        """The mean colour that a `Normalization` in the front was adapted to, or None.

        In the classifier's input space, float32 (channels,).
        """
        known = next((c for c in reversed(self.calls) if _has_mean(c.operation)), None)
        if known is None or self.affine is None:
            return None
        (end,) = known.outputs
        low, high = IMAGE_RANGES[self.image_range or "identity"]
        affine = fit_affine(
            lambda pictures: self(pictures, end),
            *(self.channels, low, high, self._size),
            of_each_pixel=False,
        )
        inverse = affine and affine.inverse
        if inverse is None:
            return None
        mean = inverse(np.zeros(len(affine.offset)))
        return mean if (mean >= low).all() and (mean <= high).all() else None

    def __call__(self, pictures, tensor=None):
        """Returns what the front makes of pictures (N, H, W, channels)."""
        graph = self.graph
        values = keras.ops.cast(pictures, graph.input_spec.dtype)
        tensor = self.end if tensor is None else tensor
        (values,) = graph.run({graph.input: values}, [tensor])
        return keras.ops.convert_to_numpy(keras.ops.cast(values, "float32"))

    @property
    def _size(self):
        return self.graph.shape(self.graph.input)[1:3]

    def _fit(self, low, high):
        return fit_affine(
            self, self.channels, low, high, self._size, of_each_pixel=False
        )

    def _ask(self):
        fits = {name: self._fit(*ends) for name, ends in IMAGE_RANGES.items()}
        self.fits = fits
        misfits = {
            name: self._misfit(*ends) + _RARITY[name] + (fits[name] is None)
            for name, ends in IMAGE_RANGES.items()
        }
        best = min(misfits, key=misfits.get)
        if not np.isfinite(misfits[best]):
            return
        if _is_order(fits["identity"]):
            self.affine = fits["identity"]
            return
        self.affine, self.image_range = fits[best], best

    def _misfit(self, low, high):
        """How far what the front makes of this range is from standardised images."""
        black, white = (
            color_of(self, [level] * self.channels, self._size) for level in (low, high)
        )
        span = np.abs(white - black)
        if not (np.isfinite(span).all() and span.min() > 1e-12):
            return np.inf
        off_center = np.abs(black + white) / span
        return float(np.mean(np.abs(np.log(span / _USUAL_SPAN)) + off_center))


def _is_order(affine):
    """Returns whether a map of colours only exchanges channels, or not even that."""
    if affine is None or affine.matrix.shape[0] != affine.matrix.shape[1]:
        return False
    matrix, offset = affine
    places = np.round(matrix)
    is_order = (places.sum(0) == 1).all() and (places.sum(1) == 1).all()
    kept = abs(matrix - places).max() < 0.02 and abs(offset).max() < 0.02
    return bool(is_order and (places >= 0).all() and kept)


def _end_of_front(graph):
    """Returns the last map that all of the input passes before the first kernel."""
    front, ends = {graph.input}, []
    for call in graph.calls:
        if not any(number in front for number in call.inputs):
            continue
        if all(number in front for number in call.inputs) and _is_front(call, graph):
            front.update(call.outputs)
        else:
            ends += [number for number in call.inputs if number in front]
    maps = [t for t in front - {graph.input} if len(graph.shape(t)) == 4]
    for tensor in sorted(maps, reverse=True):
        calls = graph.calls_between({tensor}, ends)
        between = {number for call in calls for number in call.inputs}
        if ends and graph.input not in between | set(ends):
            return tensor
    return graph.input


def _is_front(call, graph):
    operation = call.operation
    is_plain = not getattr(operation, "weights", None)
    is_picture = all(len(graph.shape(out)) == 4 for out in call.outputs)
    # Channels taken apart (`x[..., 0]`) come together again.
    is_part = all(len(graph.shape(out)) == 3 for out in call.outputs)
    return (is_plain or isinstance(operation, _NORMALIZATIONS)) and (
        is_picture or (is_part and not isinstance(operation, keras.layers.Layer))
    )


def _has_mean(operation):
    if not isinstance(operation, keras.layers.Normalization):
        return False
    mean = getattr(operation, "mean", None)
    return mean is not None and bool(np.abs(np.asarray(mean)).max() > 1e-6)
