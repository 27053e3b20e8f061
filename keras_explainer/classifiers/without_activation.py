"""A layer without the activation that is fused into it."""

import keras

from keras_explainer.classifiers.layer_proxy import LayerProxy


class WithoutActivation(LayerProxy):
    """A layer called without its fused activation; the layer is not changed."""

    def __call__(self, *args, **kwargs):
        # The same layer with the same variables (`copy.copy` would copy those, too).
        linear = object.__new__(type(self.layer))
        vars(linear).update(vars(self.layer))
        vars(linear)["activation"] = keras.activations.linear
        return linear(*args, **kwargs)
