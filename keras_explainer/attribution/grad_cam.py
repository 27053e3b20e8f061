"""Grad-CAM: the final feature map, weighted by the gradient of a class."""

from keras import ops

from keras_explainer import backend
from keras_explainer.attribution.base_method import AttributionMethod
from keras_explainer.attribution.base_method import of_class
from keras_explainer.classifiers.final_map import map_before_pooling
from keras_explainer.classifiers.final_map import map_of_layer
from keras_explainer.classifiers.graph_tensors import tensors_on_every_path


class GradCAM(AttributionMethod):
    """Explains a classifier by Grad-CAM, with no layer to name.

    The map of a class is the positive part of a feature map's channels, weighted by
    the mean gradient of the class logit (before the softmax or sigmoid), enlarged
    bilinearly and divided by its maximum. The map of several targets is the
    pixel-wise maximum of theirs.

    The feature map is the last one that every path to the output passes through, as
    its layers made it: after their activation and before pooling of any kind or
    flattening (`block5_conv3` of VGG16, `conv5_block3_out` of ResNet50). Of a
    classifier that pools several levels side by side, such as a feature pyramid, that
    is the map from which they part; a level is explained if its layer is named. Of a
    transformer it is laid out of the last tokens before the final normalisation whose
    patches the head depends on: those before the last attention for a class token.

    Args:
        classifier: Keras classifier, as for `ExplainerModel`.
        multi_label: Boolean, or "auto". As in `ExplainerModel`.
        layer: String, or None. Name of the layer whose output is the feature map, in
            the classifier or a model nested in it; of several calls, the last.

    Example:

    >>> maps = GradCAM(classifier).explain(images, targets=2)
    >>> maps.shape
    (4, 64, 64)

    Reference:
        Selvaraju et al., "Grad-CAM: Visual Explanations from Deep Networks via
        Gradient-based Localization", ICCV 2017.
    """

    differentiates_images = False
    takes_functions = False
    empty_because = "no feature of the map speaks for the class"

    def __init__(self, classifier, multi_label="auto", *, layer=None):
        self.layer = layer
        super().__init__(classifier, multi_label)

    def prepare(self, frozen):
        super().prepare(frozen)
        graph = frozen.graph
        if self.layer is None:
            self.feature_map = map_before_pooling(graph, frozen.final_map)
        else:
            self.feature_map = map_of_layer(graph, self.layer, frozen.logits_tensor)
        # A map on one path of several does not decide the logits alone.
        if self.feature_map in tensors_on_every_path(graph, frozen.logits_tensor):
            self.start = self.feature_map
        self._weigh = self.compiled(self._weighed)

    def class_maps(self, values, classes):
        return self._weigh(values, classes)

    def _weighed(self, values, classes):
        graph, frozen = self.frozen.graph, self.frozen
        start = {self.start: ops.cast(values, graph.specs[self.start].dtype)}
        (features,) = graph.run(start, [self.feature_map])
        dtype, features = features.dtype, ops.cast(features, "float32")

        def score(features):
            known = {**start, self.feature_map: ops.cast(features, dtype)}
            (logits,) = graph.run(known, [frozen.logits_tensor])
            return of_class(frozen.head.logits(logits), classes), None

        slopes = backend.value_and_slope(score, features)[2]
        weights = ops.mean(slopes, (1, 2), keepdims=True)
        return ops.relu(ops.sum(weights * features, axis=-1))
