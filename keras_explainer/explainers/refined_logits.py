"""Refining masks for one image and one class, by steps on their logits."""

from keras import ops

from keras_explainer import backend
from keras_explainer.losses.classifier_terms import evidence_loss

# What a mask keeps, what it leaves, and its area. A class is judged alone here, where
# the loss of training takes the mean over all labels.
_KEPT, _LEFT, _AREA = 2.0, 0.7, 2.0
# How far the first step moves a logit; the last ones move it ever less.
_RATE = 2.0
# Adam's means of slopes and of their squares.
_MEAN, _SQUARES = 0.9, 0.99
_DECIDED = 10.0  # A mask logit beyond this has no slope that Adam could follow.
_AT_ONCE = 8  # pairs of an image and a class: no more pictures than a step of training


def refined_logits(explainer, images, logits, classes, wanted, steps):
    """Moves mask logits so that the classifier says more of a class for what they keep.

    Each mask is judged alone, enlarged as it will be shown: the classifier should find
    the class in what the mask keeps and not in the rest, filled with its
    surroundings, and the mask should be small. Adam takes a few steps on the logits.

    Args:
        explainer: A `BaseExplainer`.
        images: Tensor (N, H, W, channels).
        logits: Tensor (N, h, w, K), mask logits of K classes.
        classes: Integer tensor (N, K), these classes.
        wanted: Boolean tensor (N, K), the masks to refine.
        steps: int.

    Returns:
        Tensor (N, h, w, K); masks not wanted as they were.
    """
    height, width, known = logits.shape[1:]
    cells = ops.transpose(ops.cast(logits, "float32"), (0, 3, 1, 2))
    cells = ops.reshape(cells, (-1, height, width))
    is_class = ops.one_hot(classes, explainer.frozen.num_classes, dtype="float32")
    is_class = ops.reshape(is_class, (-1, explainer.frozen.num_classes))
    wanted = ops.reshape(wanted, (-1,))
    # Those that are wanted come first, so that the others are no work.
    order = ops.cast(ops.argsort(1 - ops.cast(wanted, "int32")), "int32")
    count = ops.shape(order)[0]
    chunks = -(-count // _AT_ONCE)

    def refined(part):
        def take(values):
            return ops.take(values, part, axis=0)

        def work():
            rows = part // known
            pictures = ops.take(images, rows, axis=0)
            masks = take(cells), take(is_class)
            return _refined(explainer, pictures, rows, *masks, steps)

        return ops.cond(ops.any(take(wanted)), work, lambda: take(cells))

    # The last ones are filled up by repeating a pair.
    places = ops.minimum(ops.arange(chunks * _AT_ONCE, dtype="int32"), count - 1)
    parts = ops.reshape(ops.take(order, places), (chunks, _AT_ONCE))
    found = backend.each_in_turn(refined, parts)
    found = ops.reshape(found, (-1, height, width))[:count]
    found = ops.take(found, ops.argsort(order), axis=0)
    found = ops.where(wanted[:, None, None], found, cells)
    found = ops.reshape(found, (-1, known, height, width))
    return ops.transpose(found, (0, 2, 3, 1))


def _refined(explainer, images, rows, logits, is_class, steps):
    """Refines logits (P, h, w), each of an image, the number of that among all of a
    batch, and of its one-hot row of (P, C)."""
    frozen = explainer.frozen

    def cost(logits):
        masks = ops.sigmoid(explainer.upsampled(logits[..., None], images)[..., 0])
        parts = (
            explainer.kept_part(images, masks),
            explainer.removed_part(images, 1.0 - masks),
        )
        pictures, both = ops.concatenate(parts, axis=0), ops.tile(rows, [2])
        odds = frozen.log_odds(frozen.logits(pictures, both))
        kept, left = ops.split(odds, 2)
        missed = evidence_loss(-kept, is_class, sharpness=1.0, reduction="none")
        found = (
            _KEPT * missed
            + _LEFT * evidence_loss(left, is_class, reduction="none")
            + _AREA * ops.mean(masks, axis=(1, 2))
        )
        return found, None

    def step(index, state):
        logits, mean, squares = state
        slope = backend.value_and_slope(cost, logits)[2]
        mean = _MEAN * mean + (1 - _MEAN) * slope
        squares = _SQUARES * squares + (1 - _SQUARES) * ops.square(slope)
        number = ops.cast(index + 1, "float32")
        size = ops.sqrt(squares / (1 - _SQUARES**number)) + 1e-8
        rate = _RATE * (1 - ops.cast(index, "float32") / steps)
        logits = logits - rate * mean / (1 - _MEAN**number) / size
        return logits, mean, squares

    nothing = ops.zeros_like(logits)
    start = ops.clip(logits, -_DECIDED, _DECIDED), nothing, nothing
    return ops.fori_loop(0, steps, step, start)[0]
