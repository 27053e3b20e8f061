"""Whether the mask of a class keeps it and hides the others, on VOC photographs.

    python benchmarks/class_discrimination.py --explainer EXPLAINER.keras

The discrimination gap of explainers, of Grad-CAM and of the true outlines: what a
class's mask keeps of the class less what the masks of the other classes keep of it, and
its difference to Grad-CAM's, with 95 % intervals. Of photographs of the half of val on
which nothing was chosen.
"""

import types
import warnings

import numpy as np
from voc_quality import CLASSES
from voc_quality import all_masks
from voc_quality import explainers_to_compare
from voc_quality import odd_half
from voc_quality import photographs

from keras_explainer.attribution import GradCAM
from keras_explainer.evaluation.classifier_scores import discrimination_scores
from keras_explainer.metrics import ClassDiscrimination


def gaps(metric, masks_of, batches):
    """Returns own, other and their difference (3, N), of N photographs."""
    parts = []
    for images, labels, truth in batches:
        batch = types.SimpleNamespace(images=images, labels=labels)
        scores = discrimination_scores(metric, batch, masks_of(images, truth))
        names = ("own_class", "other_classes", "class_discrimination_gap")
        parts.append([scores[name] for name in names])
    return np.concatenate(parts, axis=1)


def of_grad_cam(method):
    def masks(images, truth):
        maps = [method.explain(images, index) for index in range(len(CLASSES))]
        return np.stack(maps, axis=-1)

    return masks


def of_explainer(explainer):
    return lambda images, truth: all_masks(explainer, images)


def of_outlines(images, truth):
    numbers = np.arange(1, len(CLASSES) + 1)
    return (truth[..., None] == numbers).astype("float32")


def interval(values):
    half = 1.96 * values.std(ddof=1) / len(values) ** 0.5
    return f"{values.mean():8.3f} ± {half:.3f}"


def main():
    explainers, first, arguments = explainers_to_compare(__doc__, 110)
    warnings.filterwarnings("ignore", "GradCAM returns an empty or constant map")
    val = photographs(arguments.data, "val", masks=True, batch_size=21)
    batches = odd_half(list(val.as_numpy_iterator()), arguments.limit)
    methods = {
        "Grad-CAM": of_grad_cam(GradCAM(first.classifier, multi_label=True)),
        "true outlines": of_outlines,
        **{name: of_explainer(explainer) for name, explainer in explainers.items()},
    }
    metric = ClassDiscrimination(first.frozen)
    print(f"{sum(len(labels) for _, labels, _ in batches)} photographs")
    print(f"{'':40}{'own':>8}{'other':>8}{'gap':>16}{'ahead of Grad-CAM':>20}")
    for name, masks_of in methods.items():
        own, other, gap = gaps(metric, masks_of, batches)
        if name == "Grad-CAM":
            reference = gap
        print(
            f"{name[-40:]:40}{own.mean():8.3f}{other.mean():8.3f}{interval(gap):>16}"
            f"{interval(gap - reference):>20}",
            flush=True,
        )


if __name__ == "__main__":
    main()
