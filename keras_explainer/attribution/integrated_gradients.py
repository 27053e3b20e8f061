"""Integrated gradients: from an image without information to the image."""

from keras import ops

from keras_explainer.attribution.base_method import AttributionMethod
from keras_explainer.attribution.baseline import Baseline
from keras_explainer.check_option import check_option


class IntegratedGradients(AttributionMethod):
    """Explains a classifier by integrated gradients.

    The attribution of a pixel is its difference from the baseline, multiplied by
    the mean gradient of the class logit along the straight line from the baseline
    to the image, and summed over the channels. All attributions of an image sum up
    to the difference of the two logits. The map is their positive part.

    Args:
        classifier: Keras classifier, as for `ExplainerModel`.
        multi_label: Boolean, or "auto". As in `ExplainerModel`.
        steps: int. Gradients along the line. Defaults to 50.
        background: The baseline in the classifier's input space: "mean" (the mean
            colour of ImageNet if the classifier's preprocessing is recognised, else
            that of the image), "strong_blur" (a Gaussian of a tenth of the shorter
            side), a number, or one number per channel.
        verbose: Boolean. Whether to show a progress bar.

    Example:

    >>> maps = IntegratedGradients(classifier, steps=20).explain(images, targets=2)
    >>> maps.shape
    (4, 64, 64)

    Reference:
        Sundararajan et al., "Axiomatic Attribution for Deep Networks", ICML 2017.
    """

    def __init__(
        self,
        classifier,
        multi_label="auto",
        *,
        steps=50,
        background="mean",
        verbose=False,
    ):
        check_option("steps", steps, 1, whole=True)
        self.steps = self.classifier_passes = steps
        self.background = background
        super().__init__(classifier, multi_label, verbose=verbose)

    def prepare(self, frozen):
        super().prepare(frozen)
        self.baseline = Baseline(self.background, self.preprocessing, frozen)

    def class_maps(self, images, classes):
        images = ops.cast(images, "float32")
        baseline = self.baseline(images)
        total = 0.0
        for step in self.progress(range(self.steps)):
            # The middle of each step.
            share = (step + 0.5) / self.steps
            between = baseline + share * (images - baseline)
            total = total + self.gradients(between, classes)
        return ops.sum((images - baseline) * total / self.steps, axis=-1)
