"""Whether masks follow labels that the classifier sees, or those that it denies.

    python benchmarks/masks_by_answer.py --explainer EXPLAINER.keras ANOTHER.keras

The IoU at 0.5 of each label's own mask with its outline, and how much of the outline
the mask holds, by the probability that the classifier gives the label. Of photographs
of the half of val on which things are chosen: it explains a figure and is none itself.
"""

import numpy as np
from voc_quality import CLASSES
from voc_quality import all_masks
from voc_quality import even_half
from voc_quality import explainers_to_compare
from voc_quality import photographs

from keras_explainer.metrics import iou
from keras_explainer.metrics import object_coverage

# Below the first probability a class is ruled out, below the second denied.
_ENDS = (0.05, 0.5, 0.95)


def agreement(explainer, batches):
    """Returns the IoU, and the share of the outline held, of own masks: (2, N, C).

    NaN for classes that are not there.
    """
    parts = []
    for images, _, truth in batches:
        masks = all_masks(explainer, images) >= 0.5
        numbers = np.arange(1, len(CLASSES) + 1)
        outlines = np.where((truth == 255)[..., None], 255, truth[..., None] == numbers)
        pairs = [(outlines[..., k], masks[..., k]) for k in range(len(CLASSES))]
        parts.append([[metric(*p) for p in pairs] for metric in (iou, object_coverage)])
    return np.concatenate(parts, axis=-1).swapaxes(1, 2)


def main():
    explainers, first, arguments = explainers_to_compare(__doc__, 221)
    val = photographs(arguments.data, "val", masks=True, batch_size=21)
    batches = even_half(list(val.as_numpy_iterator()), arguments.limit)
    answers = [first.predict(images, verbose=0) for images, _, _ in batches]
    spans = np.digitize(np.concatenate([a["probabilities"] for a in answers]), _ENDS)
    ends = (0.0, *_ENDS, 1.0)
    heads = [f"{low:g} to {high:g}" for low, high in zip(ends, ends[1:])] + ["all"]
    print(f"{'probability of the label':40}" + "".join(f"{h:>16}" for h in heads))
    for name, explainer in explainers.items():
        values = agreement(explainer, batches)
        is_there = np.isfinite(values[0])
        rows = [is_there & (spans == span) for span in range(len(_ENDS) + 1)]
        rows.append(is_there)
        cells = "".join(f"{v[r].mean():8.3f}" for r in rows for v in values)
        print(f"{name[-40:]:40}{cells}", flush=True)
    print(f"{'labels':40}" + "".join(f"{r.sum():16}" for r in rows))


if __name__ == "__main__":
    main()
