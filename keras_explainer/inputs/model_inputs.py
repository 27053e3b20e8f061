"""The inputs of a classifier as users hand them over: images, and what goes with them.

Of one input they are the images themselves; of several a tuple in the classifier's own
order, whatever names a dict gave them by.
"""

import collections.abc

import numpy as np

from keras_explainer import backend
from keras_explainer.inputs.images import as_array
from keras_explainer.inputs.images import as_images
from keras_explainer.inputs.images import short_repr


class ModelInputs:
    """Says what the inputs of a classifier are, and takes them apart.

    Args:
        names: List of strings, the names of the inputs in their order.
        place: int. Which of them are the images.
        specs: List of `keras.KerasTensor`s of the others, in their order.
    """

    def __init__(self, names=("images",), place=0, specs=()):
        self.names = list(names)
        self.place = place
        self.specs = list(specs)

    @property
    def are_several(self):
        return len(self.names) > 1

    @property
    def other_names(self):
        """The names of the inputs without the images."""
        return [name for i, name in enumerate(self.names) if i != self.place]

    def are(self, x):
        """Returns whether something is the inputs: a dict of them, or as many parts."""
        if isinstance(x, collections.abc.Mapping):
            return self.are_several and set(self.names) <= set(x)
        return isinstance(x, (tuple, list)) and len(x) == len(self.names)

    def in_order(self, x, argument="images"):
        """Returns the inputs as a tuple in their order; of one input, what was given.

        Raises:
            ValueError: If they are not all there.
        """
        if not self.are_several:
            return x
        if not self.are(x):
            names = ", ".join(f'"{name}": ...' for name in self.names)
            received = short_repr(x)
            if isinstance(x, collections.abc.Mapping):
                received = "the keys " + ", ".join(map(repr, x))
            elif isinstance(x, (tuple, list)):
                received = f"{len(x)} parts"
            raise ValueError(
                f"Argument `{argument}` should give all inputs of the classifier, as "
                f"{{{names}}} or as a tuple in this order. Received: {received}"
            )
        if isinstance(x, collections.abc.Mapping):
            return tuple(x[name] for name in self.names)
        return tuple(x)

    def split(self, x):
        """Returns the images, and a tuple of the other inputs, of inputs in order."""
        if not self.are_several:
            return x, ()
        return x[self.place], (*x[: self.place], *x[self.place + 1 :])

    def joined(self, images, others):
        """Returns inputs in order of images and the other inputs."""
        if not self.are_several:
            return images
        return (*others[: self.place], images, *others[self.place :])

    def as_arrays(self, x, argument="images"):
        """Returns inputs in order as arrays or tensors, one row of each for an image.

        Raises:
            ValueError: If they do not suit the classifier.
        """
        images, others = self.split(x)
        images = as_images(images, argument)
        others = tuple(
            _checked(values, spec, name, len(images), argument)
            for values, spec, name in zip(others, self.specs, self.other_names)
        )
        return self.joined(images, others)

    def rows(self, x, index):
        """Returns some rows of inputs in order."""
        images, others = self.split(x)
        return self.joined(images[index], tuple(values[index] for values in others))


def _checked(values, spec, name, count, argument):
    """Returns the values of one of the other inputs, if they suit it."""
    subject = f'Argument `{argument}` should give for the input "{name}"'
    if not backend.is_tensor(values):
        values = as_array(values)
    shape, expected = tuple(values.shape), tuple(spec.shape[1:])
    if shape[1:] == () and expected == (1,):
        values, shape = values[:, None], (*shape, 1)  # As Keras has it.
    fits = len(shape) == len(expected) + 1 and all(
        None in (found, size) or found == size
        for found, size in zip(shape[1:], expected)
    )
    if not fits or (shape[0] is not None and count is not None and shape[0] != count):
        raise ValueError(
            f"{subject} values of shape ({count}, "
            f"{', '.join(str(size or 'any') for size in expected)}), a row for each "
            f"image. Received: shape {shape}"
        )
    if isinstance(values, np.ndarray) and values.dtype.kind == "f":
        if not np.isfinite(values).all():
            raise ValueError(f"{subject} finite values. Received: NaN or infinity")
    return values
