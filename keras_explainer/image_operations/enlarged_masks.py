"""From mask logits on a grid of cells to those of an image's pixels."""

from keras_explainer.image_operations.dense_crf import dense_crf
from keras_explainer.image_operations.guided_upsampling import guided_upsampling
from keras_explainer.image_operations.resize import grid_of
from keras_explainer.image_operations.resize import resize_bilinear


def enlarged_masks(logits, images, agree=True, upsampling="guided"):
    """Enlarges mask logits (N, h, w, K) to the size of images (N, H, W, channels).

    Args:
        logits: Tensor (N, h, w, K).
        images: Tensor (N, H, W, channels).
        agree: Boolean. Whether cells of like colour agree first.
        upsampling: "guided" or "bilinear".
    """
    if agree:
        logits = dense_crf(logits, images)
    if upsampling == "guided":
        return guided_upsampling(logits, images)
    return resize_bilinear(logits, grid_of(images))
