"""What the objective says of the true outlines, beside the masks that it taught.

    python benchmarks/objective_of_outlines.py --explainer EXPLAINER.keras

For VOC photographs, each as a whole: the terms of `ExplainerLoss`, not weighted, of the
true outlines of all labels together, of these grown and shrunk by a few pixels, and of
the masks of explainers; their sum with the default weights; and the shares of the
photographs in which the sum, and the contrast alone, is less than the outlines'. Where
a mask is better in every term, no weights prefer the outlines.
"""

import keras
import numpy as np
from voc_quality import CLASSES
from voc_quality import all_masks
from voc_quality import explainers_to_compare
from voc_quality import photographs

import keras_explainer as kx
from keras_explainer.losses import classification_loss
from keras_explainer.losses import contrast_loss
from keras_explainer.losses import evidence_loss
from keras_explainer.losses.classifier_terms import answer_cost

TERMS = ("keeps", "leaves", "area", "contrast")


def terms(explainer, images, labels, mask):
    """Returns what `TERMS` are of masks (N, H, W): an array (4, N), not weighted.

    The cross-entropy of what a mask keeps, in units of what a label costs on the
    background alone, the hinge of what it leaves, the area, and how little a mask
    explains of the features.

    Args:
        explainer: An `ExplainerModel`.
        images: Array (N, H, W, 3).
        labels: Multi-hot array (N, C).
        mask: Array (N, H, W) in [0, 1].
    """
    frozen = explainer.frozen
    maps = frozen.outline_features(images)
    kept = frozen.logits(explainer.kept_part(images, mask))
    left = frozen.logits(explainer.removed_part(images, 1.0 - mask))
    nothing = frozen.logits(explainer.kept_part(images[:1], 0.0 * mask[:1]))
    keeps = classification_loss(kept, labels, frozen.multi_label, per_label=True)
    keeps = keeps / answer_cost(nothing, frozen.multi_label)
    leaves = evidence_loss(left, labels, reduction="none")
    contrast = contrast_loss(mask, maps, reduction="none")
    return np.stack([keeps, leaves, mask.mean(axis=(1, 2)), contrast])


def target_masks(explainer, images, labels):
    """Returns the greatest of the masks (N, H, W) of the labels."""
    masks = all_masks(explainer, images)
    return np.where(labels[:, None, None] > 0, masks, np.float32(0)).max(axis=-1)


def grown(mask, pixels):
    """Returns masks (N, H, W) whose outlines lie some pixels further out."""
    side = 2 * pixels + 1
    return keras.ops.max_pool(mask[..., None], side, 1, padding="same")[..., 0].numpy()


def main():
    explainers, first, arguments = explainers_to_compare(__doc__, 440)
    for split in ("train", "val"):
        options = {"limit": arguments.limit, "masks": True, "batch_size": 20}
        found = {}
        for images, labels, truth in photographs(arguments.data, split, **options):
            images, labels, truth = (part.numpy() for part in (images, labels, truth))
            scores = first.frozen.probabilities(first.frozen.logits(images)).numpy()
            is_sure = np.where(labels > 0, scores, 1.0).min(axis=1) >= 0.5
            images, labels, truth = images[is_sure], labels[is_sure], truth[is_sure]
            outlines = ((truth > 0) & (truth <= len(CLASSES))).astype("float32")
            masks = {"true outlines": outlines}
            for pixels in (4, 12):
                masks[f"grown by {pixels} pixels"] = grown(outlines, pixels)
                shrunk = 1.0 - grown(1.0 - outlines, pixels)
                masks[f"shrunk by {pixels} pixels"] = shrunk
            for name, explainer in explainers.items():
                masks[name] = target_masks(explainer, images, labels)
            for name, mask in masks.items():
                found.setdefault(name, []).append(terms(first, images, labels, mask))
        found = {name: np.concatenate(parts, axis=1) for name, parts in found.items()}
        report(split, found)


def report(split, found):
    """Prints the terms (4, N) of each kind of mask."""
    loss = kx.ExplainerLoss()
    of_answers = loss.classification_weight, loss.evidence_weight
    weights = np.array([*of_answers, loss.target_area_weight, loss.contrast_weight])
    sums = {name: weights @ values for name, values in found.items()}
    outlines = sums["true outlines"]
    print(f"\n{len(outlines)} photographs of {split} that the classifier knows")
    heads = (*TERMS, "sum", "less sum", "less contrast")
    print(" " * 40 + "".join(f"{name:>14}" for name in heads))
    for name, values in found.items():
        less = (sums[name] < outlines).mean()
        of_contrast = (values[-1] < found["true outlines"][-1]).mean()
        numbers = (*values.mean(axis=1), sums[name].mean(), less, of_contrast)
        print(f"{name[-40:]:40}" + "".join(f"{number:14.3f}" for number in numbers))


if __name__ == "__main__":
    main()
