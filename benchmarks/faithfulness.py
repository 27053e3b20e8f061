"""Whether the classifier relies on what the maps show, on VOC photographs.

    python benchmarks/faithfulness.py --explainer runs/voc_quality/explainer.keras

Insertion and deletion AUC and the average drop of the likeliest class, for an
Explainer's relevance and its masks (as trained, and refined by 10 steps), Grad-CAM,
RISE with 1,000 masks, and random masks of the Explainer's area.
"""

import argparse
import pathlib

import keras
import numpy as np
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
    dataset = photographs(arguments.data, "val", masks=True)
    # Spread over the set: 441 photographs, every seventh for 60 of them.
    images = np.concatenate([images for images, _, _ in dataset])
    images = images[:: max(1, len(images) // arguments.limit)][: arguments.limit]
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

    options = {"num_masks": arguments.rise_masks}
    methods = {
        "Explainer, relevance": explanation.relevance[..., 0],
        "Explainer, masks": masks,
        "relevance, refined": refined.relevance[..., 0],
        "masks, refined": refined.masks[..., 0],
        "Grad-CAM": asked(GradCAM(classifier, multi_label)),
        f"RISE, {arguments.rise_masks} masks": asked(
            RISE(classifier, multi_label, **options)
        ),
        "random, of equal area": metrics.random_mask_like(masks, seed=0),
    }
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
        cells = (f"{f.mean():.3f} ± {f.std() / len(f) ** 0.5:.3f}" for f in figures)
        print(f"{name:24}" + "".join(f"{cell:>16}" for cell in cells), flush=True)


if __name__ == "__main__":
    main()
