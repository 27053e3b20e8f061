"""Refining masks for one image and one class, by steps on their logits."""

import tensorflow as tf

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
    logits = tf.transpose(tf.cast(logits, "float32"), (0, 3, 1, 2))
    pairs = tf.cast(tf.where(wanted), "int32")
    count = tf.shape(pairs)[0]

    def refined(first):
        # The last ones are filled up by repeating a pair.
        part = tf.gather(
            pairs, tf.minimum(tf.range(first, first + _AT_ONCE), count - 1)
        )
        return _refined(
            explainer,
            tf.gather(images, part[:, 0]),
            part[:, 0],
            tf.gather_nd(logits, part),
            tf.one_hot(tf.gather_nd(classes, part), explainer.frozen.num_classes),
            steps,
        )

    found = tf.map_fn(
        refined,
        tf.range(0, count, _AT_ONCE),
        parallel_iterations=1,
        fn_output_signature=tf.TensorSpec((_AT_ONCE, *logits.shape[2:]), "float32"),
    )
    found = tf.reshape(found, (-1, *tf.unstack(tf.shape(logits))[2:]))[:count]
    logits = tf.tensor_scatter_nd_update(logits, pairs, found)
    return tf.transpose(logits, (0, 2, 3, 1))


def _refined(explainer, images, rows, logits, is_class, steps):
    """Refines logits (P, h, w), each of an image, the number of that among all of a
    batch, and of its one-hot row of (P, C)."""
    frozen = explainer.frozen

    def cost(logits):
        masks = tf.sigmoid(explainer.upsampled(logits[..., None], images)[..., 0])
        parts = (
            explainer.kept_part(images, masks),
            explainer.removed_part(images, 1.0 - masks),
        )
        pictures, both = tf.concat(parts, axis=0), tf.tile(rows, [2])
        odds = frozen.log_odds(frozen.logits(pictures, both))
        kept, left = tf.split(odds, 2)
        missed = evidence_loss(-kept, is_class, sharpness=1.0, reduction="none")
        return (
            _KEPT * missed
            + _LEFT * evidence_loss(left, is_class, reduction="none")
            + _AREA * tf.reduce_mean(masks, axis=(1, 2))
        )

    def step(index, logits, mean, squares):
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(logits)
            value = cost(logits)
        slope = tape.gradient(value, logits)
        mean = _MEAN * mean + (1 - _MEAN) * slope
        squares = _SQUARES * squares + (1 - _SQUARES) * tf.square(slope)
        number = tf.cast(index + 1, "float32")
        size = tf.sqrt(squares / (1 - _SQUARES**number)) + 1e-8
        rate = _RATE * (1 - tf.cast(index, "float32") / steps)
        logits = logits - rate * mean / (1 - _MEAN**number) / size
        return index + 1, logits, mean, squares

    nothing = tf.zeros_like(logits)
    logits = tf.clip_by_value(logits, -_DECIDED, _DECIDED)
    start = tf.constant(0), logits, nothing, nothing
    return tf.while_loop(lambda index, *_: index < steps, step, start)[1]
