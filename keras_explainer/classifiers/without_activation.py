"""A layer without the activation that is fused into it."""

import keras


class WithoutActivation:
    """A layer called without its fused activation; the layer is not changed."""

    def __init__(self, layer):
        self.layer = layer

    def __getattr__(self, name):
        return getattr(self.layer, name)

    def __call__(self, *args, **kwargs):
        # The same layer with the same variables (`copy.copy` would copy those, too).
        linear = object.__new__(type(self.layer))
        vars(linear).update(vars(self.layer))
        vars(linear)["activation"] = keras.activations.linear
        return linear(*args, **kwargs)
