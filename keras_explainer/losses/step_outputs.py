"""What a training step of `ExplainerModel` hands to its loss."""

from typing import Any
from typing import NamedTuple


class StepOutputs(NamedTuple):
    """The masks of a step, and what the classifier says of what they keep and leave.

    N images have C classes, of which the step decodes K (all, where there are few), on
    a grid of (h, w) cells: the decoder's, or with published forms the image's pixels.

    Args:
        images: Tensor (N, H, W, channels).
        labels: Multi-hot tensor (N, C), the classes that are judged.
        other_labels: Multi-hot tensor (N, C), the classes present that are not judged,
            or None where all are.
        target_mask: Tensor (N, H, W) in [0, 1], the mask of the judged classes as
            `explain` shows it: what the classifier judges.
        coarse_target_mask: Tensor (N, h, w) in [0, 1], the same as the decoder gives
            it, the maximum of these classes' masks.
        non_target_mask: Tensor (N, h, w) in [0, 1], that of the absent classes. As in
            what `explain` shows, those that the classifier rules out fade.
        class_logits: Tensor (N, h, w, K), the class masks before the sigmoid. In
            training none fades.
        is_present: Multi-hot tensor (N, K), which of those classes are present.
        multi_label: Boolean. Whether classes are independent or exclude each other.
        kept_logits: Tensor (N, C), the classifier's logits of what the target mask
            keeps.
        removed_logits: Tensor (N, C), those of what it leaves.
        part_share: Tensor (N,), the area of the image that shows what is judged, in
            areas of the picture: the share of its part of a composite, more than 1 of
            a crop, and 1 of whole images.
        part: Tensor (N, H, W), 1 where what is judged is shown and 0 in the other parts
            of a composite; None where there are no composites.
        background_logits: Tensor (1, C), those of the background alone, where nothing
            is seen; None where the loss does not ask for them (`reads_background`).
        features: List of tensors (N, h', w', D), the classifier's feature maps of the
            images that tell where objects end, coarse to fine; None where the loss does
            not ask for them (`reads_features`), or there are no maps of convolutions.
    """

    images: Any
    labels: Any
    other_labels: Any
    target_mask: Any
    coarse_target_mask: Any
    non_target_mask: Any
    class_logits: Any
    is_present: Any
    multi_label: bool
    kept_logits: Any = None
    removed_logits: Any = None
    part_share: Any = 1.0
    part: Any = None
    background_logits: Any = None
    features: Any = None
