"""From raw RGB pixels to what a classifier takes, and back."""

import importlib
import warnings

import keras
import numpy as np

# A layer name that only this family of `keras.applications` has, in order.
_SIGNATURES = (
    ("mobilenet", "conv_dw_13"),
    ("mobilenet_v2", "block_1_expand"),
    ("inception_resnet_v2", "conv_7b"),
    ("inception_v3", "mixed7"),
    ("resnet_v2", "conv2_block1_preact_bn"),
    ("densenet", "conv2_block1_concat"),
    ("resnet", "conv2_block1_add"),
    ("xception", "block1_conv1_bn"),
    ("vgg16", "block5_conv3"),
    ("nasnet", "stem_bn1"),
)
# Mean colour of ImageNet, RGB, 0..255.
_MEAN_COLOR = (123.68, 116.779, 103.939)


class Preprocessing:
    """What turns raw RGB pixels into a classifier's input, and back.

    Args:
        preprocess_input: A callable on float RGB images 0..255, the name of a
            `keras.applications` module such as "mobilenet_v2", or "auto".
        graph: The classifier's `LayerGraph`, from which "auto" recognises the
            applications, and classifiers that rescale or normalise inside.

    Raises:
        ValueError: If `preprocess_input` is none of these.
    """

    def __init__(self, preprocess_input, graph):
        name = self.config = _name_where_there_is_one(preprocess_input)
        if name == "auto":
            name = recognise_application(graph)
        if callable(name):
            self.function = name
        elif name is None or name == "identity":
            self.function = _identity if name else None
        else:
            self.function = _application_preprocessing(name)
        self.name = name if isinstance(name, str) or name is None else "custom"
        self._affine = None
        if self.function is not None and graph.shape(graph.input)[-1] == 3:
            self._affine = _as_affine(self.function)

    def __call__(self, images):
        """Converts RGB images (N, H, W, 3), 0..255, to the classifier's input.

        Raises:
            ValueError: If the preprocessing is not known.
        """
        if self.function is None:
            raise ValueError(
                "Argument `preprocess_input` should be a callable or the name of a "
                "`keras.applications` module, since this classifier's own "
                "preprocessing was not recognised and raw pixels are to be "
                "explained. Received: 'auto'"
            )
        if isinstance(images, np.ndarray):  # Those of Keras write into float arrays.
            images = images.copy()
        return self.function(images)

    def warn_if_lost(self):
        """Warns of a function that a saved model could not be loaded with."""
        serialize = keras.saving.serialize_keras_object
        try:
            keras.saving.deserialize_keras_object(serialize(self.config))
        # Lambdas and functions that nothing knows by name fail in several ways.
        except Exception:
            warnings.warn(
                "The function of `preprocess_input` should have a name and the "
                "decorator `@keras.saving.register_keras_serializable()`, to be found "
                f"when the explainer is loaded. Received: {self.config!r}",
                stacklevel=3,
            )

    def restore(self, images):
        """Converts the classifier's input back to RGB, 0..255, for display.

        Where the preprocessing is unknown or cannot be inverted, the images are
        stretched to 0..255 together.

        Args:
            images: Array (N, H, W, channels) in the classifier's input range.

        Returns:
            float32 array (N, H, W, 3 or 1).
        """
        images = np.asarray(images, "float32")
        if self._affine is not None:
            matrix, offset = self._affine
            return (images - offset) @ np.linalg.inv(matrix)
        low, high = images.min(initial=0.0), images.max(initial=1.0)
        if low >= 0 and 1 < high <= 255:
            low, high = 0.0, 255.0
        images = (images - low) / max(high - low, 1e-6) * 255.0
        return images[..., :3] if images.shape[-1] >= 3 else images[..., :1]

    @property
    def background(self):
        """The mean colour of ImageNet in the classifier's input space, or None."""
        if self._affine is None or self.name == "custom":
            return None
        matrix, offset = self._affine
        return (np.asarray(_MEAN_COLOR, "float32") @ matrix + offset).astype("float32")

    @property
    def input_range(self):
        """Lowest and highest value of a classifier's input, or None if unknown."""
        if self._affine is None:
            return None
        matrix, offset = self._affine
        ends = np.stack([offset, offset + 255.0 * matrix.sum(axis=0)])
        return float(ends.min()), float(ends.max())


def recognise_application(graph):
    """Names the preprocessing of a classifier, from the layers it is made of.

    Args:
        graph: A `LayerGraph`.

    Returns:
        Name of a `keras.applications` module, "identity" for a classifier that
        rescales or normalises inside, or None.
    """
    for call in graph.calls:
        if isinstance(
            call.operation, (keras.layers.Rescaling, keras.layers.Normalization)
        ):
            return "identity"
        if getattr(call.operation, "weights", None):
            break
    names = {call.operation.name for call in graph.calls}
    return next((app for app, layer in _SIGNATURES if layer in names), None)


def _name_where_there_is_one(preprocess_input):
    """Returns the name of a function of `keras.applications`, which is not registered.

    By its name it is found again when a model is loaded.
    """
    name = str(getattr(preprocess_input, "__module__", "")).rpartition(".")[2]
    module = getattr(keras.applications, name, None)
    is_known = getattr(module, "preprocess_input", None) is preprocess_input
    return name if is_known else preprocess_input


def _identity(images):
    return images


def _application_preprocessing(name):
    try:
        module = importlib.import_module(f"keras.applications.{name}")
        return module.preprocess_input
    except (ImportError, AttributeError, TypeError):
        raise ValueError(
            "Argument `preprocess_input` should be a callable, the name of a "
            f'`keras.applications` module, or "auto". Received: {name!r}'
        ) from None


def _as_affine(function):
    """Returns (matrix, offset) if colours are mapped affinely, else None."""
    colors = np.array(
        [[0, 0, 0], [255, 0, 0], [0, 255, 0], [0, 0, 255], [60, 200, 140]], "float32"
    )
    mapped = np.asarray(function(colors.reshape(1, 1, 5, 3).copy()), "float32")[0, 0]
    offset = mapped[0]
    matrix = (mapped[1:4] - offset) / 255.0
    if matrix.shape != (3, 3):  # It changes the number of channels.
        return None
    affine = np.allclose(colors[4] @ matrix + offset, mapped[4], atol=1e-2)
    return (matrix, offset) if affine and abs(np.linalg.det(matrix)) > 1e-12 else None
