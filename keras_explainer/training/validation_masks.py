"""True masks in the data of `fit` and `evaluate`, and what measures them."""

from keras_explainer.callbacks.mask_quality import MaskQuality
from keras_explainer.inputs.masked_data import has_masks
from keras_explainer.inputs.masked_data import without_masks


def masks_apart(data, argument, batch_size, steps, validation_freq=1):
    """Takes true masks out of data.

    Args:
        data: What is validated on, or None.
        argument: Name of the argument that gave the data, for the errors.
        batch_size: int, images per pass, or None.
        steps: int, batches to measure, or None: all.
        validation_freq: As in `keras.Model.fit`.

    Returns:
        Tuple of the data, without masks if they are no batches, and a list of the
        `MaskQuality` that measures the masks, empty without any.
    """
    if data is None or not has_masks(data):
        return data, []
    quality = MaskQuality(
        data, batch_size=batch_size or 32, steps=steps, validation_freq=validation_freq
    )
    quality.argument = argument
    return without_masks(data), [quality]


def in_order(callbacks, first, model):
    """Returns callbacks behind those that have to come first, and any `MaskQuality`.

    Args:
        callbacks: List of callbacks.
        first: List of callbacks.
        model: The explainer.
    """
    given = [*first, *callbacks]
    measuring = [each for each in given if isinstance(each, MaskQuality)]
    for quality in measuring:
        quality.tell_direction(given, model)
    # What watches a quality comes after what measures it.
    return sorted(given, key=lambda each: each not in first and each not in measuring)
