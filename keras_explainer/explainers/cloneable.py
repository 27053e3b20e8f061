"""What lets `keras.models.clone_model` make an explainer of an explainer."""

import functools

import keras

from keras_explainer.keras_internals import CloneOf


def cloneable(constructor):
    """Wraps the constructor of an explainer, for `clone_model` to call it.

    Keras clones the layers of a functional model one by one, and makes a plain
    functional model of them, which can neither explain nor be trained; unless the
    constructor takes any arguments, as the wrapped one does: then it is handed the
    new inputs and outputs, here a `CloneOf`.

    Args:
        constructor: The `__init__` of an explainer.
    """

    @functools.wraps(constructor)
    def construct(self, *args, **kwargs):
        if not any(isinstance(value, CloneOf) for value in args):
            return constructor(self, *args, **kwargs)
        explainer = args[1].model
        constructor(self, **explainer.clone_arguments())
        # That it was trained on, which its classifier may leave open.
        self.frozen.image_shape = explainer.frozen.image_shape
        # Keras does this from version 3.6 on.
        self.compile_from_config(explainer.get_compile_config())

    return construct


def copied(model):
    """Returns a copy of a Keras model with the same weights."""
    keras_object = keras.saving.serialize_keras_object(model)
    copy = keras.saving.deserialize_keras_object(keras_object)
    copy.set_weights(model.get_weights())
    return copy
