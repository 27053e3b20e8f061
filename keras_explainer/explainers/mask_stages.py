"""The stages of a mask, from the decoder to what is shown.

1. decoded: by the decoder, on its grid.
2. ruled out: classes that the classifier rules out fade. `call` and `predict` give it
   as "coarse_masks". Off by `rule_out=False`.
3. refined: by steps on the image itself, if `refine_steps` of `explain` asks for them.
4. agreed: cells of like colour agree. Off by `dense_crf=False`.
5. enlarged to the image, along its edges or not (`upsampling`); what is ruled out fades
   again. `explain` and exports give it.

All are logits until the last sigmoid.
"""

import math

from keras import ops

# The probability below which a classifier rules a class out, and how fast the mask
# logits of a class fall below it: at half of it by 11, and by as much again when the
# mask is shown, so that none is left however sure the decoder is.
_RULED_OUT, _FALL = 0.05, 16.0


def ruled_out(logits, frozen, outputs, classes=None):
    """Lowers mask logits (N, h, w, K) of classes that the classifier rules out.

    Training does so for absent classes alone: what fades anyway has nothing to learn
    there, but a label that is ruled out by mistake has a mask to learn.

    Args:
        logits: Tensor (N, h, w, K).
        frozen: The `FrozenClassifier`.
        outputs: Dict of what it gives for the images.
        classes: Integer tensor (N, K), or None for all classes.
    """
    return logits + _FALL * shortfall(frozen, outputs, classes)[:, None, None]


def share_left(fall):
    """Returns the odds of classes in parts of what rules them out, from 0 to 1.

    Args:
        fall: Tensor, or 0, how far mask logits are lowered by `ruled_out`.
    """
    return ops.exp(fall / _FALL)


def shortfall(frozen, outputs, classes=None):
    """Returns how far below what rules them out classes (N, K) are, 0 if they are not.

    A class is ruled out to which the classifier gives less than 5 %. Of one label
    among many, something must be there: less than 5 % of what the likeliest has. For
    a sure classifier that is the same, and an unsure one's own answer stays.

    Where classes are independent that is a difference of log-odds, of one label a
    difference of log-probabilities: of logits both.
    """
    logits = outputs["logits"]
    if frozen.multi_label:
        least = math.log(_RULED_OUT / (1.0 - _RULED_OUT))
    else:
        least = ops.max(logits, axis=-1, keepdims=True) + math.log(_RULED_OUT)
    below = ops.minimum(logits - least, 0.0)
    if classes is None:
        return below
    return ops.take_along_axis(below, classes, axis=-1)
