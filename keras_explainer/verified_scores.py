"""The proof of a mask: what the classifier says of what it keeps, and of the rest."""

import tensorflow as tf


def verified_scores(explainer, classify, images, masks, classes):
    """Runs the classifier on both parts of each image behind each of its masks.

    Args:
        explainer: The `BaseExplainer`, which says what a part of an image is.
        classify: Function from images (N, H, W, channels) to probabilities (N, C).
        images: Tensor (N, H, W, channels).
        masks: Tensor (N, H, W, K) in [0, 1].
        classes: Integer tensor (N, K), the class of each mask, -1 where there is none.

    Returns:
        Tuple of the probabilities (N, K) of the classes from the masks alone, and
        without them; 0 where there is no class.
    """

    def scores_of(mask_and_class):
        mask, one_class = mask_and_class

        def score(pictures):
            known = tf.maximum(one_class, 0)
            found = tf.gather(classify(pictures), known, axis=1, batch_dims=1)
            return tf.where(one_class >= 0, found, 0.0)

        kept, removed = both_parts(explainer, images, mask)
        return score(kept), score(removed)

    # One mask of each image after the other: no more pictures at once than images.
    found = tf.map_fn(
        scores_of,
        (tf.transpose(masks, (3, 0, 1, 2)), tf.transpose(classes)),
        parallel_iterations=1,
        fn_output_signature=(tf.float32, tf.float32),
    )
    return tuple(tf.transpose(scores) for scores in found)


def both_parts(explainer, images, masks):
    """Returns what masks keep of images, and what is left without them, as verified.

    Args:
        explainer: The `BaseExplainer`, which says what a part of an image is.
        images: Tensor (N, H, W, channels).
        masks: Tensor (N, H, W) in [0, 1].
    """
    kept = explainer.kept_part(images, masks)
    return kept, explainer.removed_part(images, 1.0 - masks)
