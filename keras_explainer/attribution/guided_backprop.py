"""Guided backpropagation: a negative control that looks like an edge detector."""

import keras
from keras import ops

from keras_explainer.attribution.base_method import AttributionMethod
from keras_explainer.classifiers.layer_proxy import LayerProxy

_RELU = (keras.activations.relu, keras.activations.relu6)


class GuidedBackprop(AttributionMethod):
    """Explains a classifier by guided backpropagation, as a negative control.

    The gradient of the class logit passes a ReLU only where it is positive; the map
    is its largest absolute value over the channels. Its sharp maps follow the edges
    of the image and hardly depend on the class or on the classifier's weights: use
    it to see what a metric gives to a map that explains nothing.

    Covered are `layers.ReLU` (with `max_value` or not, without a negative slope or
    threshold), `layers.Activation("relu")` and "relu6", `activation="relu"` inside
    layers, and `keras.ops.relu`. Other activations (GELU, SiLU, leaky ReLU ...) and
    ReLUs inside custom layers keep their ordinary gradient.

    Args:
        classifier: Keras classifier, as for `ExplainerModel`, with ReLUs.
        multi_label: Boolean, or "auto". As in `ExplainerModel`.

    Raises:
        ValueError: If none of the classifier's activations is covered.

    Example:

    >>> maps = GuidedBackprop(classifier).explain(images, targets=2)
    >>> maps.shape
    (4, 64, 64)

    Reference:
        Springenberg et al., "Striving for Simplicity: The All Convolutional Net",
        ICLR 2015 (workshop). Adebayo et al., "Sanity Checks for Saliency Maps",
        NeurIPS 2018.
    """

    takes_functions = False

    def __init__(self, classifier, multi_label="auto"):
        super().__init__(classifier, multi_label)

    def prepare(self, frozen):
        super().prepare(frozen)
        graph = frozen.graph
        rectifying = [call for call in graph.calls if _is_relu(call.operation)]
        if not rectifying:
            raise ValueError(
                "Argument `classifier` should hold ReLU activations. Received: "
                f"'{frozen.classifier.name}' without any that GuidedBackprop covers"
            )
        # The graph is this method's own; the classifier stays as it is.
        for call in rectifying:
            graph.replace_operation(call.outputs[0], _Guided(call.operation))

    def class_maps(self, images, classes):
        return ops.max(ops.abs(self.gradients(images, classes)), axis=-1)


class _Guided(LayerProxy):
    """A rectifying layer through which only positive gradients flow back."""

    def __call__(self, *args, **kwargs):
        return _positive_gradient(self.layer(*args, **kwargs))


@ops.custom_gradient
def _positive_gradient(values):
    def positive(*args, upstream=None):
        # PyTorch hands it over by its name.
        return ops.relu(args[0] if upstream is None else upstream)

    return ops.copy(values), positive


def _is_relu(operation):
    if isinstance(operation, keras.layers.ReLU):
        return not operation.negative_slope and not operation.threshold
    if type(operation).__name__ in ("Relu", "Relu6"):
        return True
    return getattr(operation, "activation", None) in _RELU
