"""Whether masks follow labels that the classifier sees, or those that it denies.

    python benchmarks/masks_by_answer.py --explainer EXPLAINER.keras ANOTHER.keras

The IoU at 0.5 of each label's own mask with its outline, and how much of the outline
the mask holds, by the probability that the classifier gives the label. Of photographs
of the half of val on which things are chosen: it explains a figure and is none itself.
"""

import numpy as np
from voc_quality import CLASSES
from voc_quality import all_masks
from voc_quality import explainers_to_compare
from voc_quality import photographs

# The first is what is ruled out; the second, denied.
_ENDS = (0.0, 0.05, 0.5, 0.95, 1.0)


def agreement(masks, truth):
    """Returns the IoU and the recall (N, C) of masks with a map of class numbers."""
    numbers = np.arange(1, len(CLASSES) + 1)
    known = (truth != 255)[..., None]
    objects = truth[..., None] == numbers
    inside = (masks > 0.5) & known
    both = (inside & objects).sum((1, 2))
    sizes = objects.sum((1, 2))
    united = (inside | objects).sum((1, 2))
    return both / np.maximum(united, 1), both / np.maximum(sizes, 1), sizes > 0


def main():
    explainers, first, arguments = explainers_to_compare(__doc__, 221)
    val = photographs(arguments.data, "val", masks=True, batch_size=21)
    images, _, truth = (np.concatenate(p) for p in zip(*val.as_numpy_iterator()))
    images, truth = (values[::2][: arguments.limit] for values in (images, truth))
    chance = first.predict(images, verbose=0)["probabilities"]
    spans = [*zip(_ENDS, _ENDS[1:]), (0.0, 1.0)]
    chosen = [(chance >= low) & (chance < high + (high == 1.0)) for low, high in spans]
    heads = [f"{low:g} to {high:g}" for low, high in spans]
    print(f"{'probability of the label':40}" + "".join(f"{h:>16}" for h in heads))
    for name, explainer in explainers.items():
        parts = [
            agreement(all_masks(explainer, images[i : i + 21]), truth[i : i + 21])
            for i in range(0, len(images), 21)
        ]
        iou, recall, is_there = (np.concatenate(part) for part in zip(*parts))
        rows = [is_there & some for some in chosen]
        cells = [f"{iou[r].mean():8.3f}{recall[r].mean():8.3f}" for r in rows]
        print(f"{name[-40:]:40}" + "".join(cells), flush=True)
    print(f"{'labels':40}" + "".join(f"{r.sum():16}" for r in rows))


if __name__ == "__main__":
    main()
