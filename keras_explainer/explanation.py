"""What `explain` returns."""

import typing


class Explanation(typing.NamedTuple):
    """Masks of the classes asked for, with the prediction they belong to.

    Args:
        masks: float32 (N, H, W, k) in [0, 1], at the size of the images.
        classes: int32 (N, k), the class of each mask; -1 where there is none.
        scores: float32 (N, k), the classifier's probability of each class.
        target_mask: float32 (N, H, W) in [0, 1], the maximum over the targets.
        probabilities: float32 (N, C), the classifier's whole answer.
    """

    masks: typing.Any
    classes: typing.Any
    scores: typing.Any
    target_mask: typing.Any
    probabilities: typing.Any
