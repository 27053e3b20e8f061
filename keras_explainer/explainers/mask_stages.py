"""The stages of a mask, from the decoder to what is shown.

1. decoded: by the decoder, on its grid. `fit` trains it.
2. ruled out: classes that the classifier rules out fade. `call`, `predict` and
   `evaluate` give it. Off by `rule_out=False`.
3. refined: by steps on the image itself, if `refine_steps` of `explain` asks for them.
4. agreed: cells of like colour agree. Off by `dense_crf=False`.
5. enlarged to the image, along its edges or not (`upsampling`). `explain` and exports
   give it.

All are logits until the last sigmoid.
"""

import math

from keras import ops

from keras_explainer.image_operations import dense_crf as crf
from keras_explainer.image_operations.guided_upsampling import guided_upsampling
from keras_explainer.image_operations.resize import grid_of
from keras_explainer.image_operations.resize import resize_bilinear

# The log-odds (5 %) below which a classifier rules a class out, and how fast the mask
# logits of a class fall below them.
_RULED_OUT, _FALL = -3.0, 4.0


def ruled_out(logits, frozen, outputs, classes=None):
    """Lowers mask logits (N, h, w, K) of classes that the classifier rules out.

    Training does not: a label that is ruled out by mistake has a mask to learn.

    Args:
        logits: Tensor (N, h, w, K).
        frozen: The `FrozenClassifier`.
        outputs: Dict of what it gives for the images.
        classes: Integer tensor (N, K), or None for all classes.
    """
    return logits + _FALL * shortfall(frozen, outputs, classes)[:, None, None]


def shortfall(frozen, outputs, classes=None):
    """Returns how far the log-odds of classes (N, K) are below what rules them out.

    That is 5 % where classes are independent; of one label among C classes, half of
    what chance would give it, or 5 % if that is less.
    """
    least = _RULED_OUT
    if not frozen.multi_label:
        least = min(least, -math.log(2 * frozen.num_classes - 1))
    odds = frozen.log_odds(outputs["logits"])
    if classes is not None:
        odds = ops.take_along_axis(odds, classes, axis=-1)
    return ops.minimum(odds - least, 0.0)


def enlarged(logits, images, agree, upsampling):
    """Enlarges mask logits (N, h, w, K) to the size of images (N, H, W, channels).

    Args:
        logits: Tensor (N, h, w, K).
        images: Tensor (N, H, W, channels).
        agree: Boolean. Whether cells of like colour agree first.
        upsampling: "guided" or "bilinear".
    """
    if agree:
        logits = crf.dense_crf(logits, images)
    if upsampling == "guided":
        return guided_upsampling(logits, images)
    return resize_bilinear(logits, grid_of(images))
