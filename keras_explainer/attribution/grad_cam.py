"""Grad-CAM: the final feature map, weighted by the gradient of a class."""

import numpy as np
import tensorflow as tf
from keras import ops

from keras_explainer.classifiers.frozen_classifier import FrozenClassifier
from keras_explainer.decoders.resize import resize_to
from keras_explainer.explainers.images import check_images
from keras_explainer.explainers.targets import MAX_PREDICTED
from keras_explainer.explainers.targets import predicted_rows
from keras_explainer.explainers.targets import target_classes


class GradCAM:
    """Explains a classifier by Grad-CAM, with no layer to name.

    The map of a class is the positive part of the final feature map's channels,
    weighted by the mean gradient of the class logit (before the softmax), enlarged
    bilinearly and divided by its maximum. The map of several targets is the
    pixel-wise maximum of theirs.

    Args:
        classifier: A Keras classifier as `ExplainerModel` takes it.
        multi_label: "auto", True or False, as in `ExplainerModel`.

    Example:

    >>> maps = GradCAM(classifier).explain(images, targets=2)
    >>> maps.shape
    (4, 64, 64)

    Reference:
        Selvaraju et al., "Grad-CAM: Visual Explanations from Deep Networks via
        Gradient-based Localization", ICCV 2017.
    """

    def __init__(self, classifier, multi_label="auto"):
        self.frozen = FrozenClassifier(classifier, multi_label)
        self._compiled = tf.function(self._maps)

    def explain(self, images, targets=None, batch_size=32):
        """Explains images.

        Args:
            images: Array or tensor (N, H, W, channels), as the classifier takes
                them.
            targets: None (the predicted classes), an int, a list of ints (one per
                image), or one-hot or multi-hot rows (N, C).
            batch_size: int. Images per pass.

        Returns:
            float32 array (N, H, W) in [0, 1]; zeros where no evidence is positive.
        """
        images = np.asarray(images, "float32")
        spec = self.frozen.graph.input_spec
        check_images(images, spec.shape[1:])
        classes = None
        if targets is not None:
            classes = target_classes(targets, len(images), self.frozen.num_classes)
        maps = []
        for start in range(0, len(images), batch_size):
            part = slice(start, start + batch_size)
            maps.append(
                self._compiled(images[part], None if classes is None else classes[part])
            )
        return np.concatenate([m.numpy() for m in maps])

    def _maps(self, images, classes):
        frozen = self.frozen
        (features,) = frozen.graph.run(
            {frozen.graph.input: tf.cast(images, frozen.graph.input_spec.dtype)},
            frozen.level_tensors[:1],
        )
        with tf.GradientTape(persistent=True, watch_accessed_variables=False) as tape:
            tape.watch(features)
            (logits,) = frozen.graph.run(
                {frozen.level_tensors[0]: features}, [frozen.logits_tensor]
            )
            logits = tf.cast(tf.reshape(logits, (-1, frozen.num_classes)), "float32")
            if classes is None:
                rows = predicted_rows(frozen.probabilities(logits), frozen.multi_label)
                classes = tf.math.top_k(rows, min(MAX_PREDICTED, frozen.num_classes))[1]
                is_target = tf.gather(rows, classes, batch_dims=1)
            else:
                is_target = tf.cast(classes >= 0, "float32")
                classes = tf.maximum(classes, 0)
            chosen = tf.unstack(tf.gather(logits, classes, batch_dims=1), axis=1)
        size = ops.shape(images)[1:3]
        result = 0.0
        for index, score in enumerate(chosen):
            gradient = tape.gradient(score, features)
            weights = tf.reduce_mean(gradient, axis=(1, 2), keepdims=True)
            evidence = tf.nn.relu(tf.reduce_sum(weights * features, -1, keepdims=True))
            evidence = resize_to(tf.cast(evidence, "float32"), size)[..., 0]
            most = tf.reduce_max(evidence, axis=(1, 2), keepdims=True)
            evidence = tf.math.divide_no_nan(evidence, most)
            result = tf.maximum(result, evidence * is_target[:, index, None, None])
        return result
