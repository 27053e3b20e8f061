"""Whether the mask of a class keeps it and hides the others, on VOC photographs.

    python benchmarks/class_discrimination.py --explainer EXPLAINER.keras

The discrimination gap of explainers, of Grad-CAM and of the true outlines: what a
class's mask keeps of the class less what the masks of the other classes keep of it, and
its difference to Grad-CAM's, with 95 % intervals. Of photographs of the half of val on
which nothing was chosen.
"""

import argparse
import pathlib
import warnings

import keras
import numpy as np
from voc_quality import CLASSES
from voc_quality import odd_half
from voc_quality import photographs

from keras_explainer.attribution import GradCAM
from keras_explainer.metrics import ClassDiscrimination


def gaps(metric, masks_of, batches):
    """Returns own, other and their difference (3, N), of N photographs."""
    own_class = np.eye(len(CLASSES), dtype=bool)
    rows = []
    for images, labels, truth in batches:
        masks = masks_of(images, truth)
        for image, mask, label in zip(images, masks, labels):
            metric.reset_state()
            metric.update_state(image[None], mask[None], label[None])
            matrix = np.asarray(metric.result()["matrix"])
            own = np.nanmean(matrix[own_class])
            other = np.nanmean(matrix[~own_class])
            rows.append((own, other, own - other))
    return np.transpose(rows)


def of_grad_cam(method):
    def masks(images, truth):
        maps = [method.explain(images, index) for index in range(len(CLASSES))]
        return np.stack(maps, axis=-1)

    return masks


def of_explainer(explainer):
    def masks(images, truth):
        every = np.ones((len(images), len(CLASSES)), "int32")
        return explainer.explain(images, targets=every).masks

    return masks


def of_outlines(images, truth):
    numbers = np.arange(1, len(CLASSES) + 1)
    return (truth[..., None] == numbers).astype("float32")


def interval(values):
    half = 1.96 * values.std(ddof=1) / len(values) ** 0.5
    return f"{values.mean():8.3f} ± {half:.3f}"


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--explainer", required=True, nargs="+", type=pathlib.Path)
    parser.add_argument("--data", default="../shared/data", type=pathlib.Path)
    parser.add_argument("--limit", default=110, type=int, help="photographs")
    arguments = parser.parse_args()
    warnings.filterwarnings("ignore", "GradCAM returns an empty or constant map")

    explainers = {
        str(path): keras.saving.load_model(path) for path in arguments.explainer
    }
    first = next(iter(explainers.values()))
    val = photographs(arguments.data, "val", masks=True, batch_size=21)
    val = odd_half(list(val.as_numpy_iterator()))
    # Spread over the set.
    arrays = [np.concatenate(parts) for parts in zip(*val)]
    step = max(1, len(arrays[0]) // arguments.limit)
    arrays = [array[::step][: arguments.limit] for array in arrays]
    starts = range(0, len(arrays[0]), 21)
    batches = [tuple(array[i : i + 21] for array in arrays) for i in starts]

    methods = {
        "Grad-CAM": of_grad_cam(GradCAM(first.classifier, multi_label=True)),
        "true outlines": of_outlines,
        **{name: of_explainer(explainer) for name, explainer in explainers.items()},
    }
    metric = ClassDiscrimination(first.frozen)
    print(f"{len(arrays[0])} photographs")
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
