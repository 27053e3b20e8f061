"""What stands in the place of a layer in a graph, and calls it in another way."""


class LayerProxy:
    """Has the attributes of a layer, which is not changed; subclasses define the call.

    Args:
        layer: `keras.Layer`, or any operation.
    """

    def __init__(self, layer):
        self.layer = layer

    def __getattr__(self, name):
        return getattr(self.layer, name)
