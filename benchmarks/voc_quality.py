"""Trains an Explainer on VOC photographs and measures its masks.

    python benchmarks/voc_quality.py --data ../shared/data --ceiling

Prints one table: Explainer at the fixed threshold 0.5, Grad-CAM at its best
threshold, the untrained Explainer and an all-ones mask, on the same photographs, and
with --ceiling the same decoder after as many steps with the true masks; writes
figures (metrics.json) and a gallery of 12 photographs to --out. "mirrored" is the mean
of a photograph's and its mirror image's masks, at twice the cost. "absent" is the share
of masks of absent classes that cover more than 1 % of the photograph, which no IoU of
the labels tells. With --alone labels are judged one by one, which keeps classes apart;
with --published the loss is the authors' own, as `ExplainerLoss.published` has it.
"""

import argparse
import json
import pathlib
import time
import warnings

import keras
import numpy as np
import tensorflow as tf

import keras_explainer as kx
from keras_explainer.attribution import GradCAM
from keras_explainer.evaluation import overlap_by_threshold
from keras_explainer.visualization import contact_sheet
from keras_explainer.visualization import save_figure

CLASSES = ["cat", "chair", "cow", "dog", "horse", "person", "sheep", "sofa"]


def photographs(data, split, **options):
    return kx.datasets.voc(
        data / "VOCdevkit",
        split,
        classes=CLASSES,
        preprocess_input=keras.applications.mobilenet.preprocess_input,
        **options,
    )


def load_classifier(data):
    path = data / "classifiers/mobilenet_v1_1.0_voc8.keras"
    return keras.saving.load_model(path, compile=False)


def mirrored(images, labels):
    """Mirrors each image of a batch at random."""
    return tf.image.random_flip_left_right(images), labels


def absent_share(explain, val):
    """Tells how many masks of classes that are not there show something."""
    areas = []
    for images, labels, _ in val:
        for index in range(len(CLASSES)):
            others = images[labels[:, index] == 0]
            if len(others):
                areas.append((explain(others, index) > 0.5).mean(axis=(1, 2)))
    return float((np.concatenate(areas) > 0.01).mean())


def masks_of(explainer, **options):
    """Returns the function from images and a class to the explainer's masks."""

    def masks(images, target):
        return explainer.explain(images, targets=target, **options).masks[..., 0]

    return masks


def train_with_true_masks(explainer, dataset):
    """Teaches the decoder the outlines themselves, which no explainer is told."""

    @tf.function
    def step(images, truth):
        with tf.GradientTape() as tape:
            logits = explainer.class_logits(
                images, explainer.frozen(images), None, True
            )
            truth = tf.image.resize(truth[..., None], logits.shape[1:3], "nearest")
            known = tf.cast(truth != 255, "float32")
            numbers = tf.cast(tf.range(1, len(CLASSES) + 1), truth.dtype)
            masks = tf.cast(truth == numbers, "float32")
            loss = tf.nn.sigmoid_cross_entropy_with_logits(masks, logits)
            loss = tf.reduce_mean(known * loss)
        variables = explainer.trainable_variables
        gradients = tape.gradient(loss, [v.value for v in variables])
        explainer.optimizer.apply_gradients(zip(gradients, variables))

    for images, _, truth in dataset:
        if np.random.rand() < 0.5:
            images, truth = images[:, :, ::-1], truth[:, :, ::-1]
        step(images, truth)


def even_half(batches, limit=None):
    """Returns every second photograph, of the half on which things are chosen.

    Or as many of them as the limit says, spread over the set.
    """
    return _every_second(batches, 0, limit)


def odd_half(batches, limit=None):
    """Returns the others, on which nothing was chosen, as `even_half` does."""
    return _every_second(batches, 1, limit)


def _every_second(batches, start, limit):
    arrays = [np.concatenate(parts)[start::2] for parts in zip(*batches)]
    step = max(1, len(arrays[0]) // limit) if limit else 1
    arrays = [array[::step][:limit] for array in arrays]
    starts = range(0, len(arrays[0]), 21)
    return [tuple(array[i : i + 21] for array in arrays) for i in starts]


def all_masks(explainer, images):
    """Returns the masks (N, H, W, C) of all classes, whether they are there or not."""
    every = np.ones((len(images), len(CLASSES)), "int32")
    return explainer.explain(images, targets=every).masks


def explainers_to_compare(description, photographs_by_default):
    """Reads the command line of a script that compares explainers.

    Returns:
        Tuple of the explainers by their paths, the first of them, and the arguments.
    """
    parser = argparse.ArgumentParser(description=description.split("\n")[0])
    parser.add_argument("--explainer", required=True, nargs="+", type=pathlib.Path)
    parser.add_argument("--data", default="../shared/data", type=pathlib.Path)
    parser.add_argument("--limit", default=photographs_by_default, type=int)
    arguments = parser.parse_args()
    explainers = {
        str(path): keras.saving.load_model(path) for path in arguments.explainer
    }
    return explainers, next(iter(explainers.values())), arguments


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--data", default="../shared/data", type=pathlib.Path)
    parser.add_argument("--epochs", default=12, type=int)
    parser.add_argument("--seed", default=0, type=int)
    parser.add_argument("--ceiling", action="store_true", help="learn the true masks")
    parser.add_argument("--alone", action="store_true", help="judge labels one by one")
    parser.add_argument("--published", action="store_true", help="the authors' loss")
    parser.add_argument("--limit", default=None, type=int)
    parser.add_argument("--out", default="runs/voc_quality", type=pathlib.Path)
    arguments = parser.parse_args()
    keras.utils.set_random_seed(arguments.seed)
    # Of classes that are not there, which are asked for too, it often is empty.
    warnings.filterwarnings("ignore", "GradCAM returns an empty or constant map")

    def dataset(split, **options):
        options |= {"cache": True, "limit": arguments.limit}
        return photographs(arguments.data, split, **options)

    classifier = load_classifier(arguments.data)
    explainer = kx.ExplainerModel(classifier, multi_label=True, class_names=CLASSES)
    val = list(dataset("val", batch_size=21, masks=True).as_numpy_iterator())

    def quality(explain, data=val):
        overlap = overlap_by_threshold(explain, data, num_classes=len(CLASSES))
        return {**overlap, "absent_share": absent_share(explain, data)}

    grad_cam = GradCAM(classifier, multi_label=True)
    results = {
        "all ones": quality(lambda images, target: np.ones(images.shape[:3])),
        "Grad-CAM": quality(grad_cam.explain),
        "Explainer, untrained": quality(masks_of(explainer)),
    }
    train = dataset("train", batch_size=16).map(mirrored)
    steps = arguments.epochs * sum(1 for _ in train)
    if arguments.alone:
        loss = kx.ExplainerLoss(overlap_weight=1.0)
        explainer.compile(loss=loss, single_label=1.0)
    if arguments.published:
        explainer.compile(loss=kx.ExplainerLoss.published("voc2007", "vgg16"))
    wall, processor = time.time(), time.process_time()
    fitted = explainer.fit(train, epochs=arguments.epochs, verbose=2)
    processor, wall = time.process_time() - processor, time.time() - wall
    arguments.out.mkdir(parents=True, exist_ok=True)
    explainer.save(arguments.out / "explainer.keras")
    results["Explainer"] = quality(masks_of(explainer))
    results["Explainer, odd half"] = quality(masks_of(explainer), odd_half(val))
    results["Explainer, mirrored"] = quality(masks_of(explainer, mirrored=True))
    print(f"trained {processor / 60:.1f} CPU minutes, {wall:.0f} s wall")
    start = time.time()
    sum(1 for _ in train)
    # No more than this can be waiting: it is read ahead while steps run.
    share = (time.time() - start) * arguments.epochs / wall
    print(f"reading the photographs by itself takes {100 * share:.1f} % of an epoch")
    if arguments.ceiling:
        keras.utils.set_random_seed(0)
        taught = kx.ExplainerModel(classifier, multi_label=True, class_names=CLASSES)
        # The same learning rates, which only `fit` sets by itself.
        decay = keras.optimizers.schedules.CosineDecay(2e-3, steps, alpha=0.02)
        taught.compile(keras.optimizers.Adam(decay))
        outlines = dataset("train", batch_size=16, masks=True)
        train_with_true_masks(taught, outlines.repeat(arguments.epochs))
        results["true masks"] = quality(masks_of(taught))
    print(
        f"{'':22}IoU@0.5  best IoU  class IoU@0.5  best class IoU  accuracy@0.5"
        "  from 0.1 to 0.9    trimap  absent"
    )
    for name, r in results.items():
        print(
            f"{name:22}{r['iou_at_half']:7.3f}{r['best_iou']:10.3f}"
            f"{r['class_iou_at_half']:15.3f}{r['best_class_iou']:16.3f}"
            f"{r['accuracy_at_half']:14.3f}{r['undecided_share']:17.3f}"
            f"{r['trimap_iou']:10.3f}{r['absent_share']:8.2f}"
        )

    figures = {
        "cpu_minutes": processor / 60,
        "history": fitted.history,
        "results": results,
    }
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
