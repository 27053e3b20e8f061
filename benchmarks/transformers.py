"""Trains a small vision transformer on drawn shapes, and an Explainer of it.

    python benchmarks/transformers.py --head class --out runs/transformers

Prints a row for the Explainer, Grad-CAM and the methods that read attention: IoU at 0.5
over all classes and per class, the latter at its best threshold, too; in how many pairs
of shapes of one picture the map of a class is higher on its own shape; and the areas
under insertion and deletion curves. What lies in `--out` is not trained again.
"""

import argparse
import pathlib
import warnings

import keras
import numpy as np
from keras import layers
from keras import ops
from sibling_quality import CpuBudget
from sibling_quality import target_masks

import keras_explainer as kx
from keras_explainer.evaluation import overlap_by_threshold
from keras_explainer.metrics import insertion_deletion

SHAPES = kx.datasets.SHAPES_CLASSES
SIZE, WIDTH, DEPTH, HEADS = 64, 64, 3, 4
CLASSIFIER_SEED, TRAIN_SEED, HELD_OUT_SEED = 2_000_000, 3_000_000, 4_000_000


@keras.saving.register_keras_serializable(package="benchmarks")
class Embedding(layers.Layer):
    """Adds positions to the tokens of patches, and a class token before them."""

    def __init__(self, with_class_token, **kwargs):
        super().__init__(**kwargs)
        self.with_class_token = with_class_token

    def build(self, shape):
        count = shape[1] + self.with_class_token
        self.positions = self.add_weight((1, count, shape[-1]), "truncated_normal")
        if self.with_class_token:
            self.class_token = self.add_weight((1, 1, shape[-1]), "truncated_normal")

    def call(self, tokens):
        if self.with_class_token:
            first = ops.tile(self.class_token, (ops.shape(tokens)[0], 1, 1))
            tokens = ops.concatenate([first, tokens], axis=1)
        return tokens + self.positions

    def get_config(self):
        return {**super().get_config(), "with_class_token": self.with_class_token}


def vision_transformer(head):
    """Returns a classifier whose head reads a "class" token, or the mean ("gap")."""
    images = keras.Input((SIZE, SIZE, 3))
    x = layers.Rescaling(1 / 127.5, -1)(images)
    # Convolutions before tokens: without them a few minutes teach little.
    for width in (WIDTH // 4, WIDTH // 2, WIDTH):
        for strides in (2, 1):
            x = layers.Conv2D(width, 3, strides, "same", use_bias=False)(x)
            x = layers.ReLU()(layers.BatchNormalization()(x))
    x = layers.Reshape((-1, WIDTH))(layers.Conv2D(WIDTH, 1)(x))
    x = Embedding(head == "class")(x)
    for _ in range(DEPTH):
        y = layers.LayerNormalization(epsilon=1e-6)(x)
        x = x + layers.MultiHeadAttention(HEADS, WIDTH // HEADS)(y, y)
        y = layers.LayerNormalization(epsilon=1e-6)(x)
        y = layers.Dense(2 * WIDTH, activation="gelu")(y)
        x = x + layers.Dense(WIDTH)(y)
    x = layers.LayerNormalization(epsilon=1e-6)(x)
    x = x[:, 0] if head == "class" else layers.GlobalAveragePooling1D()(x)
    return keras.Model(images, layers.Dense(len(SHAPES), activation="sigmoid")(x))


def train_classifier(head, minutes):
    classifier = vision_transformer(head)
    steps = int(250 * minutes)
    schedule = keras.optimizers.schedules.CosineDecay(
        0.0, steps, warmup_target=2e-3, warmup_steps=100
    )
    classifier.compile(
        keras.optimizers.AdamW(schedule, weight_decay=0.01),
        "binary_crossentropy",
        metrics=[keras.metrics.AUC(curve="PR", multi_label=True, name="mean_ap")],
    )
    drawn = kx.datasets.shapes(
        seed=CLASSIFIER_SEED, image_size=SIZE, batch_size=64, objects=(1, 3)
    )
    budget = CpuBudget(60 * minutes)
    classifier.fit(
        drawn, steps_per_epoch=steps, shuffle=False, callbacks=[budget], verbose=0
    )
    print(f"classifier: {budget.steps} steps")
    return classifier


def train_explainer(classifier, minutes):
    explainer = kx.ExplainerModel(classifier, class_names=SHAPES)
    # As in `keras-explainer demo`; drawn shapes are recognised in any light.
    explainer.compile(composites=0.5, single_label=0.3, augmentation=0.0)
    budget = CpuBudget(60 * minutes)
    explainer.fit(
        kx.datasets.shapes(seed=TRAIN_SEED, image_size=SIZE, objects=(1, 3)),
        steps_per_epoch=int(150 * minutes),
        shuffle=False,
        callbacks=[budget],
        verbose=0,
    )
    print(f"Explainer: {budget.steps} steps")
    return explainer


def once(path, train):
    """Returns the model in a file, or else trains it and puts it there."""
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        train().save(path)
    return keras.saving.load_model(path)


def own_over_other(masks_for, data):
    """Returns how often a map is higher on its own shape than on another."""
    wins = pairs = 0
    for images, labels, truth in data.as_numpy_iterator():
        maps = [masks_for(images, index) for index in range(len(SHAPES))]
        for i, shown in enumerate(labels):
            present = np.flatnonzero(shown)
            for own in present:
                means = [maps[own][i][truth[i] == c + 1].mean() for c in present]
                others = [m for m, c in zip(means, present) if c != own]
                wins += sum(means[list(present).index(own)] > m for m in others)
                pairs += len(others)
    return wins / pairs


def order_quality(classifier, order_for, data):
    """Returns the areas under the insertion and deletion curves, of one class each."""
    found = []
    for images, labels, _ in data.as_numpy_iterator():
        targets = labels.argmax(axis=1)
        maps = np.stack(
            [order_for(images[i : i + 1], int(t))[0] for i, t in enumerate(targets)]
        )
        areas = insertion_deletion(classifier, images, maps, targets)
        found.append([np.mean(areas["insertion_auc"]), np.mean(areas["deletion_auc"])])
    return np.mean(found, axis=0)


def print_row(name, classifier, masks_for, order_for, held_out, few):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Empty maps count as such.
        found = overlap_by_threshold(masks_for, held_out, len(SHAPES))
        figures = [found["iou_at_half"], found["class_iou_at_half"]]
        figures.append(found["best_class_iou"])
        figures.append(own_over_other(masks_for, few))
        figures += list(order_quality(classifier, order_for, few))
    print(f"| {name} | " + " | ".join(f"{x:.3f}" for x in figures) + " |", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--head", choices=("class", "gap"), default="class")
    parser.add_argument("--classifier-minutes", type=float, default=8)
    parser.add_argument("--minutes", type=float, default=8)
    parser.add_argument("--held-out", type=int, default=200)
    parser.add_argument("--out", type=pathlib.Path, default="runs/transformers")
    args = parser.parse_args()
    keras.utils.set_random_seed(0)
    classifier = once(
        args.out / f"classifier_{args.head}.keras",
        lambda: train_classifier(args.head, args.classifier_minutes),
    )
    held_out = kx.datasets.shapes(
        args.held_out, seed=HELD_OUT_SEED, masks=True, image_size=SIZE, objects=(1, 3)
    )
    labelled = held_out.map(lambda images, labels, _: (images, labels))
    precision = classifier.evaluate(labelled, verbose=0)[1]
    print(f"mean average precision {precision:.3f}", flush=True)
    explainer = once(
        args.out / f"{args.head}.keras",
        lambda: train_explainer(classifier, args.minutes),
    )
    print("| | IoU | class IoU | at its best | own > other | insertion | deletion |")
    print("|---|---|---|---|---|---|---|")
    few = held_out.take(2)
    print_row(
        "Explainer",
        classifier,
        target_masks(explainer),
        lambda images, target: explainer.explain(images, target).relevance[..., 0],
        held_out,
        few,
    )
    for name in ("GradCAM", "AttentionRelevance", "AttentionRollout"):
        method = getattr(kx.attribution, name)(classifier)
        print_row(name, classifier, method.explain, method.explain, held_out, few)


if __name__ == "__main__":
    main()
