"""From raw RGB pixels to what a classifier takes, and back."""

import warnings

import keras
import numpy as np
from keras import ops

from keras_explainer.classifiers.applications import application_name
from keras_explainer.classifiers.applications import application_preprocessing
from keras_explainer.classifiers.color_channels import with_channels
from keras_explainer.classifiers.measured_range import measured_range
from keras_explainer.classifiers.recognised_preprocessing import recognise_preprocessing

# Mean colour of ImageNet, RGB, 0..255.
_MEAN_COLOR = np.float32([123.68, 116.779, 103.939])


class Preprocessing:
    """What turns raw RGB pixels into a classifier's input, and back.

    "auto" reads what stands between the input and the first layer with a kernel
    (`InputFront`): it tells the range that the classifier takes. A network of
    `keras.applications` with nothing in front is taken to be preceded by its own
    preprocessing, until images that it is trained on say otherwise.

    Args:
        preprocess_input: A callable on float RGB images 0..255, the name of a
            `keras.applications` module such as "mobilenet_v2", the range to which
            pixels are scaled such as "0..1", "identity", or "auto".
        graph: `LayerGraph` of the classifier.

    Raises:
        ValueError: If `preprocess_input` is none of these.
    """

    def __init__(self, preprocess_input, graph):
        self.config = application_name(preprocess_input) or preprocess_input
        if self.config is None:
            application_preprocessing(None)  # Refuses it, as any other name.
        self._graph = graph
        self._channels = graph.shape(graph.input)[-1]
        self.read_again()

    def read_again(self, later=False):
        """Reads the classifier, whose weights may have changed.

        Args:
            later: Boolean. Whether to read it when the answer is needed first, as for
                a classifier whose weights are still to be loaded.
        """
        self._read = None
        if not later:
            self._read = recognise_preprocessing(self.config, self._graph)

    @property
    def name(self):
        """The application or range, "identity", "custom", or None if unknown."""
        name = self._recognised.name
        return name if isinstance(name, str) or name is None else "custom"

    @property
    def function(self):
        """The function from raw pixels to the classifier's input, or None."""
        return self._recognised.function

    @property
    def is_read(self):
        """Whether it was read off the operations of the classifier itself."""
        return self._recognised.is_read

    @property
    def saved_config(self):
        """What is written with an explainer: "auto" only where nothing was read.

        A model is made before its weights are loaded, and so cannot be read then.
        """
        return self.name if self.is_read else self.config

    def __call__(self, images):
        """Converts images (N, H, W, 3), 0..255, to the classifier's input.

        Grey images and such with transparency are made of the colours that the
        classifier takes, and colours made grey for a grey one; levels of 16 bits are
        brought to 0..255. Floats that end at 1 are warned of.

        Raises:
            ValueError: If the preprocessing is not known.
        """
        if self.function is None:
            raise ValueError(
                "Argument `preprocess_input` should be a callable or the name of a "
                '`keras.applications` module, a range such as "0..1" or "-1..1", or '
                '"identity" for raw pixels, since this classifier\'s own preprocessing '
                f"was not recognised{self.unknown_reason} and raw pixels are to be "
                "explained. Received: 'auto'"
            )
        is_array = isinstance(images, np.ndarray)
        if is_array:
            _warn_of_other_levels(images)
            images = images.copy()  # Functions of Keras write into float arrays.
        if images.dtype == "uint16":
            images = keras.ops.cast(images, "float32") * (255.0 / 65535.0)
            images = ops.convert_to_numpy(images) if is_array else images
        images = self.function(with_channels(images, self._recognised.raw_channels))
        return ops.convert_to_numpy(images) if is_array else images

    @property
    def is_found_again(self):
        """Whether a saved model will find the same function when it is loaded."""
        serialize = keras.saving.serialize_keras_object
        try:
            with warnings.catch_warnings():  # Keras has its own, of lambdas.
                warnings.simplefilter("ignore")
                found = keras.saving.deserialize_keras_object(serialize(self.config))
        # Lambdas and functions that nothing knows by name fail in several ways.
        except Exception:
            return False
        if found is self.config or not callable(self.config):
            return True
        if not callable(found):
            return False
        # A layer that was adapted comes back as it was made.
        levels = np.random.default_rng(0).integers(
            0, 256, (1, 8, 8, self._recognised.raw_channels)
        )
        picture = levels.astype("float32")
        try:
            same = (
                ops.convert_to_numpy(f(picture.copy())) for f in (self.function, found)
            )
            return np.allclose(*same, rtol=1e-5, atol=1e-5)
        except Exception:
            return False

    def follow(self, images):
        """Takes the range of images that the classifier is used on, where in doubt.

        Args:
            images: Array or tensor (N, H, W, channels), as the classifier takes them.

        Returns:
            What was assumed until now if that was another range, else None.
        """
        if self.config != "auto" or self.is_read:
            return None
        found = measured_range(images)
        assumed = self.name
        if found is None or (assumed is not None and found != "0..1"):
            return None  # Images as they should be, or a mistake to be warned of.
        self.config = found
        self.read_again()
        return assumed

    def range_problem(self, images):
        """Says what is wrong with the range of images for this classifier, or None.

        Args:
            images: Array or tensor (N, H, W, channels).
        """
        if self.input_range is None:
            return None
        values = np.asarray(images)
        least, most = float(values.min()), float(values.max())
        received = f"Received: {values.dtype} values from {least:.3g} to {most:.3g}"
        low, high = self.input_range
        shown = f"[{low:.3g}, {high:.3g}]"
        is_small = high - low > 20 and -1.5 <= least and most <= 1.5 and least < most
        if -1.1 < low < -0.9 and 0.9 < high < 1.1:  # Where dark pixels are negative.
            is_small = measured_range(values) == "0..1"
        if is_small and values.dtype.kind == "f":
            if self.name == "identity":
                return (
                    "Images should be raw pixels from 0 to 255, which this classifier "
                    f"rescales itself. {received}"
                )
            return (
                f"Images should be in the classifier's input range, {shown}, that of "
                f"`{self.name}`; for a classifier that was trained on images in "
                f'another, give it, such as `preprocess_input="0..1"`. {received}'
            )
        # Room for resizing and augmentation, which overshoot a little.
        room = 0.25 * (high - low)
        raw_pixels = low < 0 and values.dtype.kind in "iu"
        if not (raw_pixels or least < low - room or most > high + room):
            return None
        if self.name == "identity":
            return (
                "Images should be raw pixels from 0 to 255, which this classifier "
                f"rescales itself. {received}"
            )
        return (
            f"Images should be in the classifier's input range, {shown}; apply its "
            f"`preprocess_input` first. {received}"
        )

    def restore(self, images):
        """Converts the classifier's input back to pixels, 0..255, for display.

        Where the preprocessing is unknown or cannot be inverted, the images are
        stretched to 0..255 together.

        Args:
            images: Array or tensor (N, H, W, channels) in the classifier's input range.

        Returns:
            float32 array or tensor (N, H, W, 3 or 1).
        """
        if not ops.is_tensor(images):
            images = ops.convert_to_tensor(images, "float32")
            return ops.convert_to_numpy(self.restore(images))
        recognised = self._recognised
        if recognised.inverse is not None:
            matrix, offset = recognised.inverse
            images = ops.matmul(images, matrix) + offset
        elif recognised.affine is not None and images.shape[-1] == 1:
            low, high = self._black_and_white
            images = (images - low) / (high - low) * 255.0
        else:
            low, high = ops.min(images, initial=0.0), ops.max(images, initial=1.0)
            are_levels = (low >= 0.0) & (high > 1.0) & (high <= 255.0)
            low, high = (
                ops.where(are_levels, end, found)
                for end, found in ((0.0, low), (255.0, high))
            )
            images = (images - low) / ops.maximum(high - low, 1e-6) * 255.0
        return images[..., :3] if images.shape[-1] >= 3 else images[..., :1]

    @property
    def can_restore(self):
        """Whether `restore` gives back the very pixels."""
        return self._recognised.inverse is not None

    @property
    def background(self):
        """The mean colour in the classifier's input space, or None.

        That which a `Normalization` in the classifier was adapted to, or else that of
        ImageNet.
        """
        if self.name in (None, "custom"):
            return None
        if self._recognised.front.mean_color is not None:
            return self._recognised.front.mean_color
        if self._recognised.affine is None or self._channels != 3:
            return None
        return self._recognised.affine(_MEAN_COLOR).astype("float32")

    @property
    def input_range(self):
        """Lowest and highest value of a classifier's input, or None if unknown."""
        if self._recognised.affine is None:
            return None
        ends = self._black_and_white
        return float(ends.min()), float(ends.max())

    @property
    def _black_and_white(self):
        white = np.full(self._recognised.raw_channels, 255.0)
        return np.stack(
            [self._recognised.affine(0 * white), self._recognised.affine(white)]
        )

    @property
    def unread_layer(self):
        """The name of a layer that hides which range of images is right, or None."""
        if self.config != "auto" or not self._recognised.front.is_unreadable:
            return None
        return getattr(self._recognised.front.calls[0].operation, "name", "a function")

    @property
    def unknown_reason(self):
        """Why nothing is known of the range, in parentheses, or an empty string."""
        layer = self.unread_layer
        return f" (what '{layer}' does to pixels cannot be read)" if layer else ""

    @property
    def _recognised(self):
        if self._read is None:
            self.read_again()
        return self._read


def _warn_of_other_levels(images):
    if images.dtype.kind != "f" or not images.size:
        return
    most = images.max()
    if images.min() >= 0 and 0 < most <= 1 and most > images.min():
        warnings.warn(
            "Images should be raw pixels from 0 to 255 to be preprocessed; multiply "
            f"them by 255 first. Received: {images.dtype} values up to {most:.3g}",
            stacklevel=3,
        )
