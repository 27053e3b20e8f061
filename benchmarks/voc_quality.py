"""Trains an Explainer on VOC photographs and measures its masks.

    python benchmarks/voc_quality.py --data ../shared/data --minutes 30

Prints one table: Explainer at the fixed threshold 0.5, Grad-CAM at its best
threshold, the untrained Explainer and an all-ones mask, on the same photographs;
writes figures (metrics.json) and a gallery of 12 photographs to --out.
"""

import argparse
import json
import pathlib
import time

import keras
import numpy as np
import tensorflow as tf

import keras_explainer as kx
from keras_explainer.attribution import GradCAM
from keras_explainer.evaluation import mask_quality
from keras_explainer.visualization import contact_sheet
from keras_explainer.visualization import save_figure

CLASSES = ["cat", "chair", "cow", "dog", "horse", "person", "sheep", "sofa"]


class CpuBudget(keras.callbacks.Callback):
    """Stops training before an epoch that would pass a budget of CPU seconds."""

    def __init__(self, seconds):
        super().__init__()
        self.seconds = seconds

    def on_train_begin(self, logs=None):
        self.start = time.process_time()
        self.used = 0.0

    def on_epoch_end(self, epoch, logs=None):
        self.used = time.process_time() - self.start
        per_epoch = self.used / (epoch + 1)
        print(
            f"  epoch {epoch + 1}: {self.used / 60:.1f} CPU minutes so far", flush=True
        )
        if self.used + per_epoch > self.seconds:
            self.model.stop_training = True


def mirrored(images, labels):
    """Mirrors each image of a batch at random."""
    return tf.image.random_flip_left_right(images), labels


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--data", default="../shared/data", type=pathlib.Path)
    parser.add_argument("--minutes", default=30.0, type=float, help="CPU minutes")
    parser.add_argument("--epochs", default=50, type=int)
    parser.add_argument("--limit", default=None, type=int)
    parser.add_argument("--out", default="runs/voc_quality", type=pathlib.Path)
    arguments = parser.parse_args()
    keras.utils.set_random_seed(0)

    def dataset(split, **options):
        return kx.datasets.voc(
            arguments.data / "VOCdevkit",
            split,
            classes=CLASSES,
            preprocess_input=keras.applications.mobilenet.preprocess_input,
            cache=True,
            limit=arguments.limit,
            **options,
        )

    classifier = keras.saving.load_model(
        arguments.data / "classifiers/mobilenet_v1_1.0_voc8.keras", compile=False
    )
    explainer = kx.ExplainerModel(classifier, multi_label=True, class_names=CLASSES)
    val = list(dataset("val", batch_size=21, masks=True).as_numpy_iterator())

    def quality(explain):
        return mask_quality(explain, val, num_classes=len(CLASSES))

    def explained(images, target):
        return explainer.explain(images, targets=target).masks[..., 0]

    grad_cam = GradCAM(classifier, multi_label=True)
    results = {
        "all ones": quality(lambda images, target: np.ones(images.shape[:3])),
        "Grad-CAM": quality(grad_cam.explain),
        "Explainer, untrained": quality(explained),
    }
    budget = CpuBudget(arguments.minutes * 60)
    start = time.time()
    history = explainer.fit(
        dataset("train", batch_size=16).map(mirrored),
        epochs=arguments.epochs,
        callbacks=[budget],
        verbose=2,
    ).history
    results["Explainer"] = quality(explained)
    print(
        f"trained {budget.used / 60:.1f} CPU minutes, {time.time() - start:.0f} s wall"
    )
    print(f"{'':22}IoU@0.5  best IoU  class IoU@0.5  best class IoU  accuracy@0.5")
    for name, r in results.items():
        print(
            f"{name:22}{r['iou_at_half']:7.3f}{r['best_iou']:10.3f}"
            f"{r['class_iou_at_half']:15.3f}{r['best_class_iou']:16.3f}"
            f"{r['accuracy_at_half']:14.3f}"
        )

    arguments.out.mkdir(parents=True, exist_ok=True)
    explainer.save(arguments.out / "explainer.keras")
    figures = {"cpu_minutes": budget.used / 60, "history": history, "results": results}
    (arguments.out / "metrics.json").write_text(json.dumps(figures, indent=1))
    # Every 36th photograph: spread over the set, not chosen.
    pick = np.concatenate([images for images, _, _ in val])[::36][:12]
    explanation = explainer.explain(pick, top_k=1)
    captions = [
        f"{CLASSES[c]} {p:.2f}"
        for c, p in zip(explanation.classes[:, 0], explanation.scores[:, 0])
    ]
    shown = explainer.preprocessing.restore(pick)
    sheet = contact_sheet(shown, explanation.target_mask, captions, columns=3)
    save_figure(sheet, arguments.out / "gallery.png")


if __name__ == "__main__":
    main()
