"""Grad-CAM: the final feature map, weighted by the gradient of a class."""

import tensorflow as tf

from keras_explainer.attribution.base_method import AttributionMethod


class GradCAM(AttributionMethod):
    """Explains a classifier by Grad-CAM, with no layer to name.

    The map of a class is the positive part of the final feature map's channels,
    weighted by the mean gradient of the class logit (before the softmax), enlarged
    bilinearly and divided by its maximum. The map of several targets is the
    pixel-wise maximum of theirs.

    Args:
        classifier: Keras classifier, as for `ExplainerModel`.
        multi_label: Boolean, or "auto". As in `ExplainerModel`.

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
    empty_because = "no feature of the final map speaks for the class"

    def __init__(self, classifier, multi_label="auto"):
        super().__init__(classifier, multi_label)

    def prepare(self, frozen):
        super().prepare(frozen)
        self.start = frozen.level_tensors[0]

    def class_maps(self, features, classes):
        gradients = self.gradients(features, classes)
        weights = tf.reduce_mean(gradients, axis=(1, 2), keepdims=True)
        return tf.nn.relu(tf.reduce_sum(weights * tf.cast(features, "float32"), -1))
