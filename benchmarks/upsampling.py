"""Measures what following colours and edges of the image brings, beside Grad-CAM.

    python benchmarks/upsampling.py --explainer runs/demo/explainer.keras
    python benchmarks/upsampling.py --explainer runs/voc_quality/explainer.keras \\
        --data ../shared/data

On the held-out shapes of `keras-explainer demo`, or on VOC photographs where --data is
given; "best" is at the best of all thresholds. Grad-CAM's maps, which need no training,
are enlarged in the same way, so that the comparison is not one of upsampling alone.
"""

import argparse
import pathlib
import warnings

import keras

import keras_explainer as kx
from keras_explainer.attribution import GradCAM
from keras_explainer.commands import demo
from keras_explainer.evaluation import overlap_by_threshold

STAGES = [("bilinear", False), ("guided", False), ("guided", True)]


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--explainer", required=True)
    parser.add_argument("--data", type=pathlib.Path, help="the folder of VOCdevkit")
    arguments = parser.parse_args()

    explainer = keras.saving.load_model(arguments.explainer)
    options = {"masks": True, "preprocess_input": explainer.preprocessing}
    if arguments.data:
        names = explainer.class_names
        held_out = kx.datasets.voc(
            arguments.data / "VOCdevkit", "val", classes=names, batch_size=21, **options
        )
    else:
        held_out = kx.datasets.shapes(
            demo.HELD_OUT, seed=demo.HELD_OUT_SEED, image_size=128, **options
        )
    held_out = list(held_out.as_numpy_iterator())
    grad_cam = GradCAM(explainer.classifier, multi_label=explainer.frozen.multi_label)

    def explained(images, target):
        return explainer.explain(images, targets=target).masks[..., 0]

    def aligned(images, target):
        return grad_cam.explain(images, target, upsampling="guided")

    print(f"{'':32}class IoU@0.5    best  IoU@0.5    best  accuracy@0.5")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # an empty Grad-CAM map counts as one
        for upsampling, dense_crf in STAGES:
            stages = {"upsampling": upsampling, "dense_crf": dense_crf}
            explainer = kx.ExplainerModel.from_config(
                {**explainer.get_config(), **stages}
            )
            explainer.load_weights(arguments.explainer)
            agreed = ", cells agree" if dense_crf else ""
            show(f"Explainer, {upsampling}{agreed}", explained, held_out)
        show("Grad-CAM, bilinear", grad_cam.explain, held_out)
        show("Grad-CAM, guided", aligned, held_out)


def show(name, masks_for, held_out):
    found = overlap_by_threshold(masks_for, held_out, held_out[0][1].shape[-1])
    print(
        f"{name:32}{found['class_iou_at_half']:13.3f}{found['best_class_iou']:8.3f}"
        f"{found['iou_at_half']:9.3f}{found['best_iou']:8.3f}"
        f"{found['accuracy_at_half']:14.3f}",
        flush=True,
    )


if __name__ == "__main__":
    main()
