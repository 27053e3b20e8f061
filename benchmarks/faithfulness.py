"""Whether the classifier relies on what the maps show, on VOC photographs.

    python benchmarks/faithfulness.py --explainer runs/voc_quality/explainer.keras

Insertion and deletion AUC and the average drop of the likeliest class, for an
Explainer's relevance and its masks (as trained, and refined by 10 steps), Grad-CAM,
RISE with 1,000 masks (--rise-masks 0: without), and random masks of the Explainer's
area, on photographs spread over the odd half of val, on which nothing was chosen. The
last rows are how far the Explainer is ahead of Grad-CAM, photograph by photograph, with
95 % intervals.
"""

import argparse
import pathlib

import keras
import numpy as np
from class_discrimination import interval
from voc_quality import odd_half
from voc_quality import photographs

from keras_explainer import metrics
from keras_explainer.attribution import RISE
from keras_explainer.attribution import GradCAM


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--explainer", required=True, type=pathlib.Path)
    parser.add_argument("--data", default="../shared/data", type=pathlib.Path)
    parser.add_argument("--limit", default=60, type=int, help="photographs")
    parser.add_argument("--rise-masks", default=1000, type=int)
    arguments = parser.parse_args()

    explainer = keras.saving.load_model(arguments.explainer)
    dataset = photographs(arguments.data, "val", masks=True).as_numpy_iterator()
    batches = odd_half(list(dataset), arguments.limit)
    images = np.concatenate([images for images, *_ in batches])
    classifier, multi_label = explainer.classifier, explainer.frozen.multi_label
    explanation = explainer.explain(images, top_k=1)
    masks, targets = explanation.masks[..., 0], explanation.classes[:, 0]
    refined = explainer.explain(images, targets.tolist(), refine_steps=10)

    def asked(method):
        maps = np.zeros(images.shape[:3], "float32")
        for target in np.unique(targets):
            chosen = targets == target
            maps[chosen] = method.explain(images[chosen], int(target))
        return maps

    methods = {
        "Explainer, relevance": explanation.relevance[..., 0],
        "Explainer, masks": masks,
        "relevance, refined": refined.relevance[..., 0],
        "masks, refined": refined.masks[..., 0],
        "Grad-CAM": asked(GradCAM(classifier, multi_label)),
        "random, of equal area": metrics.random_mask_like(masks, seed=0),
    }
    if arguments.rise_masks:
        rise = RISE(classifier, multi_label, num_masks=arguments.rise_masks)
        methods[f"RISE, {arguments.rise_masks} masks"] = asked(rise)
    measured = {}
    print(f"{len(images)} photographs, mean and standard error")
    print(f"{'':24}{'insertion':>16}{'deletion':>16}{'average drop':>16}")
    for name, maps in methods.items():
        curves = metrics.insertion_deletion(
            explainer.frozen, images, maps, targets.tolist(), step_share=0.05
        )
        change = metrics.confidence_change(
            explainer.frozen, images, maps, targets.tolist()
        )
        figures = curves["insertion_auc"], curves["deletion_auc"], change["drop"]
        measured[name] = np.stack(figures)
        cells = (f"{f.mean():.3f} ± {f.std() / len(f) ** 0.5:.3f}" for f in figures)
        print(f"{name:24}" + "".join(f"{cell:>16}" for cell in cells), flush=True)
    for name in ("Explainer, relevance", "Explainer, masks"):
        # Of deletion and the drop, less is better.
        ahead = (measured[name] - measured["Grad-CAM"]) * [[1], [-1], [-1]]
        cells = "".join(f"{interval(values):>16}" for values in ahead)
        print(f"{name.split()[-1] + ', ahead by':24}{cells}")


if __name__ == "__main__":
    main()
