"""The step, from a batch to the gradient: what all explainers share, and masks' terms.

A step reads a batch, asks for its terms (`step_terms`: those of `ExplainerModel` are
`masked_terms`), and in training follows the gradient of their sum.
"""

from keras import ops

from keras_explainer import backend
from keras_explainer.image_operations.resize import grid_of
from keras_explainer.image_operations.resize import resize_bilinear
from keras_explainer.inputs.labels import predicted_labels
from keras_explainer.losses.function_loss import FunctionLoss
from keras_explainer.losses.mask_terms import merged_logits
from keras_explainer.losses.step_outputs import StepOutputs
from keras_explainer.predicted_from import PREDICTED_FROM
from keras_explainer.training.batch import read_batch
from keras_explainer.training.draws import DrawnBatch

# Up to this many classes a step computes all masks; beyond, those of the labels
# and of the likeliest others, so that its cost does not grow with the classes.
_CLASSES_PER_STEP = 32


class TrainingStep(backend.GradientStep):
    """What `fit` and `evaluate` do with a batch."""

    def read_batch(self, data):
        shape, num_classes = self.frozen.input_shape, self.frozen.num_classes
        return read_batch(data, self.model_inputs, shape, num_classes)

    def losses_of(self, batch, training):
        """Returns losses (N,), terms, labels (N, C), and answers to what is kept."""
        with self.frozen.given(batch.others):
            return self._loss_of_images(batch, training)

    def _loss_of_images(self, batch, training):
        images, _, labels, weights, size, _ = batch
        outputs = self.classifier_outputs(images, training)
        if labels is None:
            probabilities = self.frozen.probabilities(outputs["logits"])
            labels = predicted_labels(probabilities, self.frozen.multi_label)
            outputs = {**outputs, "certainty": ops.max(probabilities, axis=-1)}
        terms, kept_logits = self.step_terms(images, outputs, labels, training)
        terms = {name: value[:size] for name, value in terms.items()}
        if weights is not None:
            weighted = {name: weights * terms[name] for name in self.loss_terms}
            terms = {**terms, **weighted}
        loss = sum(terms[name] for name in self.loss_terms)
        return loss, terms, labels[:size], self.frozen.probabilities(kept_logits[:size])


def masked_terms(explainer, images, outputs, labels, training):
    """Returns the loss's terms of `ExplainerModel`, and the logits of what masks keep.

    Args:
        explainer: The `ExplainerModel`.
        images: Tensor (N, H, W, channels).
        outputs: Dict of what the frozen classifier gives for the images, and if it gave
            the labels too, its "certainty" (N,) of them, a probability.
        labels: Multi-hot tensor (N, C).
        training: Boolean. Whether anything is drawn and a gradient asked for.
    """
    step = _decoded_masks(explainer, images, outputs, labels, training)
    images, frozen = step.images, explainer.frozen

    def with_kept(mask):
        pictures = explainer.kept_part(images, mask)
        return step._replace(kept_logits=frozen.logits(pictures))

    def with_removed(rest):
        pictures = explainer.removed_part(images, rest)
        return step._replace(removed_logits=frozen.logits(pictures))

    loss, target = explainer.explainer_loss, step.target_mask
    if isinstance(loss, FunctionLoss):  # It may put together what both passes give.
        removed = with_removed(1.0 - target).removed_logits
        both = with_kept(target)._replace(removed_logits=removed)
        return loss(both), both.kept_logits
    classification, kept = _with_slope(with_kept, loss.of_kept, target, training)
    # One after the other: two passes at once take twice the memory.
    rest = backend.after(classification, 1.0 - target)
    entropy, _ = _with_slope(with_removed, loss.of_removed, rest, training)
    terms = {"classification": classification, "entropy": entropy}
    return {**terms, **loss.of_masks(step)}, kept.kept_logits


def _decoded_masks(explainer, images, outputs, labels, training):
    """Returns the `StepOutputs` before the classifier sees what masks keep."""
    frozen = explainer.frozen
    drawn = DrawnBatch(images, images, labels)
    if training:
        are_sure = ops.any(labels > 0, axis=-1)
        if "certainty" in outputs:
            are_sure = outputs["certainty"] >= PREDICTED_FROM
        color, span_of = explainer.background.color, explainer.half_range
        number = explainer.step_seed.of_step(explainer.optimizer.iterations)
        drawn = explainer.draws(images, labels, are_sure, color, span_of, number)
    if drawn.view is not images:
        outputs = explainer.classifier_outputs(drawn.view, training)
    images, view, judged, others, share, part = drawn
    labels = judged if others is None else judged + others
    if share is not None:
        # What the classifier does not see in a part or a crop teaches nothing: there is
        # no evidence that a mask could take away, so that only its area would count.
        seen = _seen(frozen, outputs["logits"], share)
        judged = ops.where(seen, judged, 0.0)
        others = None if others is None else ops.where(seen, others, 0.0)
    classes, is_present, is_judged = None, labels, judged
    if frozen.num_classes > _CLASSES_PER_STEP:
        # Labels first, then the likeliest others.
        rank = ops.softmax(outputs["logits"]) + labels
        classes = ops.top_k(rank, _CLASSES_PER_STEP)[1]
        is_present = ops.take_along_axis(labels, classes, axis=-1)
        is_judged = ops.take_along_axis(judged, classes, axis=-1)
    logits = explainer.class_logits(view, outputs, classes, training)
    if explainer.pixel_masks:
        logits = resize_bilinear(logits, grid_of(images))
    coarse = shown = merged_logits(logits, is_judged)
    if not explainer.pixel_masks:
        shown = explainer.upsampled(coarse[..., None], images)[..., 0]
    faded = logits
    if training and not explainer.pixel_masks:
        # Where nothing is learned they have faded; published forms judge all alike.
        faded = logits + explainer.fall(outputs, classes)
    absent = merged_logits(faded, 1.0 - is_present)
    masks = (*map(ops.sigmoid, (shown, coarse, absent)), logits)
    step = StepOutputs(
        images,
        judged,
        others,
        *masks,
        is_present,
        frozen.multi_label,
        background_logits=_background_logits(explainer, images),
        features=_outline_features(explainer, images),
    )
    return step if share is None else step._replace(part_share=share, part=part)


def _background_logits(explainer, images):
    """Returns what the classifier says where nothing is seen (1, C), if it is asked.

    A classifier of several inputs is given the others as the first image has them.
    """
    if not explainer.explainer_loss.reads_background:
        return None
    nothing = ops.zeros_like(images[:1, :, :, 0])
    with backend.without_slopes():
        return explainer.frozen.logits(explainer.kept_part(images[:1], nothing), [0])


def _outline_features(explainer, images):
    """Returns a list of the feature maps of images that know outlines, or None.

    Of those that are judged, not of a view in which part of them is hidden. None if the
    loss does not read them, or if the classifier has none.
    """
    frozen = explainer.frozen
    if not explainer.explainer_loss.reads_features or frozen.outline_maps is None:
        return None
    return [ops.stop_gradient(level) for level in frozen.outline_features(images)]


def _seen(frozen, logits, share):
    """Tells which classes (N, C) are predicted in what is shown of an image.

    Whole images show all of theirs. So do the parts of a composite where classes
    exclude each other: one is ahead of the others, which are there as well.
    """
    probabilities = frozen.probabilities(logits)
    if frozen.multi_label:
        return (probabilities >= PREDICTED_FROM) | (share == 1.0)[:, None]
    return (predicted_labels(probabilities, False) > 0) | (share <= 1.0)[:, None]


def _with_slope(answer, value_of, mask, training):
    """Returns the value of the answer to a mask, with its slope, and that answer.

    The classifier's pass is then over, and its memory free.
    """

    def judged(mask):
        found = answer(mask)
        return value_of(found), found

    if not training:
        return judged(ops.stop_gradient(mask))
    value, found, slope = backend.value_and_slope(judged, mask)
    ahead = mask - ops.stop_gradient(mask)
    return value + ops.sum(ops.stop_gradient(slope) * ahead, axis=(1, 2)), found
