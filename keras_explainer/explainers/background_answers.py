"""What a classifier says of the background alone, where there is nothing to see."""

import numpy as np
from keras import ops

from keras_explainer.value_of_variable import value_of_variable

# Named in a warning; there may be many.
_SHOWN = 3


def background_problem(explainer):
    """Says what makes a background unfit: its range, or classes that are found in it.

    A mask that is empty keeps such an answer, so the masks of these classes mean
    little, and measures that hide pixels flatter them. A class counts as found if its
    probability is at least half-way from chance to certainty. That a binary classifier
    says no is as it should be.

    Args:
        explainer: An explainer, whose background is known.

    Returns:
        One sentence with what to do about it, or None.
    """
    frozen = explainer.frozen
    height, width, channels = (size or 224 for size in frozen.image_shape)
    color = value_of_variable(explainer.background.color)
    values = ", ".join(f"{value:.3g}" for value in color)
    low, high = explainer.preprocessing.input_range or (-np.inf, np.inf)
    room = (high - low) / 4
    if (color < low - room).any() or (color > high + room).any():
        return (
            "Argument `background` should be a colour in the classifier's input range, "
            f"[{low:.3g}, {high:.3g}]. Received: {values}"
        )
    image = np.broadcast_to(color, (1, height, width, channels)).copy()
    logits = frozen.logits(image, rows=[0])
    (probabilities,) = ops.convert_to_numpy(frozen.probabilities(logits))
    chance = 0.0 if frozen.multi_label else 1.0 / frozen.num_classes
    found = probabilities >= (1.0 + chance) / 2.0
    if frozen.head.is_binary:
        found[0] = False
    classes = np.flatnonzero(found)
    if not len(classes):
        return None
    classes = classes[np.argsort(-probabilities[classes], kind="stable")]
    names = [f"{explainer.display_names[c]} ({probabilities[c]:.2f})" for c in classes]
    shown = ", ".join(names[:_SHOWN]) + (", ..." if len(names) > _SHOWN else "")
    return (
        "Argument `background` should be a colour in which the classifier sees none of "
        "its classes, or empty masks keep these answers and masks of these classes "
        "mean little; try another, such as `background=0.0`, or train the classifier "
        f"on empty pictures too. Received: {values}, in which it sees {shown}"
    )
