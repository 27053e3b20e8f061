"""The proof of a mask: what the classifier says of what it keeps, and of the rest."""

from keras import ops

from keras_explainer import backend


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
            known = ops.maximum(one_class, 0)[:, None]
            found = ops.take_along_axis(classify(pictures), known, axis=1)[:, 0]
            return ops.where(one_class >= 0, found, 0.0)

        kept, removed = both_parts(explainer, images, mask)
        return score(kept), score(removed)

    # One mask of each image after the other: no more pictures at once than images.
    each = ops.transpose(masks, (3, 0, 1, 2)), ops.transpose(classes)
    found = backend.each_in_turn(scores_of, each, outputs=2)
    return tuple(map(ops.transpose, found))


def both_parts(explainer, images, masks):
    """Returns what masks keep of images, and what is left without them, as verified.

    Args:
        explainer: The `BaseExplainer`, which says what a part of an image is.
        images: Tensor (N, H, W, channels).
        masks: Tensor (N, H, W) in [0, 1].
    """
    kept = explainer.kept_part(images, masks)
    return kept, explainer.removed_part(images, 1.0 - masks)
