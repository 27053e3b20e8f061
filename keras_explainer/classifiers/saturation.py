"""Answers that are certain because the images are in another range."""

import numpy as np
from keras import ops

# Brighter than any image whose values are standardised.
_RAW = 20.0
# Lead of the most probable class in logits, p = 1 - 1e-13: of nothing that was learnt.
_CERTAIN = 30.0
_IMAGES = 16


def saturation_problem(frozen, images):
    """Says whether a classifier of images in [0, 1] was given raw pixels, or None.

    Args:
        frozen: `FrozenClassifier`.
        images: Array or tensor (N, H, W, channels).
    """
    images = np.asarray(images[:_IMAGES], "float32")
    if images.max() < _RAW:
        return None
    given, scaled = (_lead(frozen, x) for x in (images, images / 255.0))
    if given < _CERTAIN or scaled > given / 8:
        return None
    return (
        "Images should be in the range that the classifier was trained on: its answers "
        "are more certain than anything learnt, and would not be on images from 0 to 1 "
        '(`preprocess_input="0..1"`). Received: values up to '
        f"{images.max():.3g}, and a lead of {min(given, 1e6):.3g} in logits"
    )


def _lead(frozen, images):
    """Returns by how much classes win or lose, the median of the images."""
    logits = np.float64(ops.convert_to_numpy(frozen.logits(images)))
    if frozen.multi_label or logits.shape[1] == 1:
        leads = np.abs(logits).mean(axis=1)
    else:
        first, second = np.sort(logits, axis=1)[:, :-3:-1].T
        leads = first - second
    return float(np.median(np.nan_to_num(leads, posinf=1e9)))
