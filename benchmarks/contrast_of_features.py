"""Which features tell where objects end: contrast of true outlines beside others.

    python benchmarks/contrast_of_features.py --data DIR --shapes RUN/explainer.keras
        --explainer RUN/explainer.keras

For the feature maps of each stride, and for those that training asks (all), the share
of pictures in which `contrast_loss` is less for the true outlines than for outlines
some pixels further out or in, for half of the object, and for one grown far beyond.
Nothing is trained: VOC's photographs of `train`, the even half of ECSSD's, and drawn
shapes, whose classifier is that of a run of `keras-explainer demo`. Of an explainer of
`voc_quality.py` its own masks are asked about as well, on the even half of `val`: where
contrast prefers these, training leads away from the outlines.
"""

import argparse
import pathlib

import keras
import numpy as np
from imagenet_quality import CLASSIFIERS
from imagenet_quality import judged_photographs
from objective_of_outlines import grown
from voc_quality import CLASSES
from voc_quality import all_masks
from voc_quality import even_half
from voc_quality import load_classifier
from voc_quality import photographs

import keras_explainer as kx
from keras_explainer.classifiers.feature_levels import find_feature_levels
from keras_explainer.losses import contrast_loss

STRIDES = (2, 4, 8, 16)
BATCH_SIZE = 16
FAR = 24
SIZES = (0.0, 0.1, 0.25, 0.5, 1.0)
SHAPES_SEED = 5_000_000  # Pictures that the demo never draws.


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--data", type=pathlib.Path, required=True)
    parser.add_argument("--shapes", help="explainer.keras of a run of the demo")
    parser.add_argument("--explainer", help="explainer.keras of `voc_quality.py`")
    parser.add_argument("--limit", type=int, default=240, help="pictures of each kind")
    args = parser.parse_args()
    if args.shapes:
        report("drawn shapes", *shapes(args.shapes, args.limit), (2, 4))
    report("VOC", *voc(args.data, args.limit), (4, 8))
    report("ECSSD", *ecssd(args.data, args.limit), (4, 8))
    if args.explainer:
        report_learned(keras.saving.load_model(args.explainer), args.data)


def shapes(path, limit):
    """Returns a frozen classifier, and images with masks of objects, in batches."""
    explainer = keras.saving.load_model(path)
    options = {"image_size": explainer.input_shape[1:3], "masks": True}
    options["preprocess_input"] = explainer.preprocessing
    drawn = kx.datasets.shapes(
        limit, batch_size=BATCH_SIZE, seed=SHAPES_SEED, **options
    )
    pictures = ((i.numpy(), m.numpy()) for i, _, m in drawn)
    return explainer.frozen, ((i, (m > 0) & (m < 255)) for i, m in pictures)


def voc(data, limit):
    explainer = kx.ExplainerModel(load_classifier(data), multi_label=True)
    options = {"batch_size": BATCH_SIZE, "limit": limit, "masks": True}
    found = photographs(data, "train", **options).as_numpy_iterator()
    return explainer.frozen, ((i, (m > 0) & (m <= len(CLASSES))) for i, _, m in found)


def ecssd(data, limit):
    make, options, weights = CLASSIFIERS["mobilenet_v2"]
    explainer = kx.ExplainerModel(make(weights=str(data / weights), **options))
    images, _, truth = judged_photographs(data, "ecssd", slice(0, None, 2))
    images, truth = explainer.preprocessing(images)[:limit], truth[:limit] == 1
    parts = range(0, len(images), BATCH_SIZE)
    return explainer.frozen, (
        (images[i : i + BATCH_SIZE], truth[i : i + BATCH_SIZE]) for i in parts
    )


def report(name, frozen, batches, pixels):
    """Prints the shares, a line for each stride and one for what training asks."""
    levels = find_feature_levels(frozen.graph, frozen.final_map, min(STRIDES))
    side = frozen.input_shape[1]
    levels = {side // frozen.graph.shape(level)[1]: level for level in levels}
    levels = {stride: levels[stride] for stride in STRIDES if stride in levels}
    asked = {stride: [level] for stride, level in levels.items()}
    asked["all"] = frozen.outline_maps
    are_better = {stride: [] for stride in asked}
    for images, objects in batches:
        areas = objects.mean(axis=(1, 2))
        some = (areas > 0.01) & (areas < 0.95)
        images, others = images[some], other_masks(objects[some], pixels)
        for stride, maps in asked.items():
            frozen.outline_maps = maps
            maps = frozen.outline_features(images)
            true, *values = (
                np.asarray(contrast_loss(mask, maps, reduction="none"))
                for mask in others.values()
            )
            are_better[stride].append([true < value for value in values])
    shares = {k: np.concatenate(v, axis=1).mean(axis=1) for k, v in are_better.items()}
    print_table(f"{name}, cells of", list(others)[1:], shares)


def report_learned(explainer, data):
    """Prints how often the true outlines are preferred to learned masks, by size."""
    val = photographs(data, "val", batch_size=21, masks=True)
    numbers = np.arange(1, len(CLASSES) + 1)
    rows = []
    for images, _, truth in even_half(list(val.as_numpy_iterator())):
        objects = np.isin(truth, numbers)
        present = (truth[..., None] == numbers).any(axis=(1, 2))
        masks = all_masks(explainer, images)
        masks = np.max(masks * present[:, None, None], axis=-1)
        maps = explainer.frozen.outline_features(images)
        true, learned = (
            np.asarray(contrast_loss(each.astype("float32"), maps, reduction="none"))
            for each in (objects, masks)
        )
        areas = (each.mean(axis=(1, 2)) for each in (objects, masks >= 0.5))
        rows.append(np.stack([*areas, true, learned, true < learned]))
    rows = np.concatenate(rows, axis=1)
    means = {
        f"{low:.0%} to {high:.0%}": rows[:, (rows[0] > low) & (rows[0] <= high)].mean(1)
        for low, high in zip(SIZES, SIZES[1:])
    }
    heads = "objects", "masks", "contrast", "learned", "preferred"
    print_table("VOC, val, objects", heads, means)


def print_table(name, heads, rows):
    print(f"\n{name:24}" + "".join(f"{head:>12}" for head in heads))
    for head, values in rows.items():
        print(f"{head!s:24}" + "".join(f"{value:12.2f}" for value in values))


def other_masks(objects, pixels):
    """Returns the true masks (N, H, W) first, and others, as a dict."""
    true = objects.astype("float32")
    columns = np.arange(true.shape[2])
    middles = [np.median(np.nonzero(mask)[1]) for mask in true]
    masks = {"true": true}
    masks |= {f"out by {p}": grown(true, p) for p in pixels}
    masks |= {f"in by {p}": 1.0 - grown(1.0 - true, p) for p in pixels}
    masks["half"] = true * np.array([columns <= m for m in middles])[:, None]
    masks[f"out by {FAR}"] = grown(true, FAR)
    return masks


if __name__ == "__main__":
    main()
