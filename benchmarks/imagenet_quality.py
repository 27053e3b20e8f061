"""Trains an Explainer for 1000 ImageNet classes without labels, and measures its masks.

    python benchmarks/imagenet_quality.py --data ../shared/data --epochs 4
    python benchmarks/imagenet_quality.py --data ../shared/data --explainer FILE

Training sees 1,000 photographs of ImageNet and 2,000 of VOC's train. Masks of the
classifier's first answer are measured on photographs of ECSSD and of VOC's val in which
that answer is the outlined object; masks of several classes on pictures made of
photographs of ECSSD, in three layouts, of which training draws none ("grid" is close to
what it draws). Insertion, deletion and the drop are of `relevance`, and of Grad-CAM's
map. Beside the Explainer stand Grad-CAM, the untrained Explainer, and a disc in the
middle that has a quarter of the picture, which knows nothing.

--odd keeps to the odd half of the photographs. Prints Markdown; writes metrics.json and
a gallery of 16 photographs, spread over the set, to --out.
"""

import argparse
import csv
import json
import pathlib
import time

import keras
import numpy as np
import tensorflow as tf
from peak_memory import peak_mebibytes
from PIL import Image

import keras_explainer as kx
from keras_explainer import metrics

SIDE = 224
CLASSIFIERS = {
    "mobilenet_v2": (
        keras.applications.MobileNetV2,
        {},
        "imagenet1000/classifier/mobilenet_v2_1.0_imagenet.weights.h5",
    ),
    "mobilenet_025": (
        keras.applications.MobileNet,
        {"alpha": 0.25, "input_shape": (SIDE, SIDE, 3)},
        "classifiers/mobilenet_v1_0.25_224.weights.h5",
    ),
}
# Numbers of VOC's classes in its outlines, for those of ImageNet.
VOC_NUMBERS = {
    "cat": 8,
    "chair": 9,
    "cow": 10,
    "dog": 12,
    "horse": 13,
    "sheep": 17,
    "sofa": 18,
}
THRESHOLDS = np.round(np.arange(0.05, 0.96, 0.05), 2)
# Top, left, bottom, right of the parts, in sides of the picture.
LAYOUTS = {
    "grid": [(y, x, y + 1 / 2, x + 1 / 2) for y in (0, 1 / 2) for x in (0, 1 / 2)],
    "strips": [(0, k / 3, 1, (k + 1) / 3) for k in range(3)],
    "nine": [
        (y / 3, x / 3, (y + 1) / 3, (x + 1) / 3) for y in range(3) for x in range(3)
    ],
}
PICTURES_OF_A_LAYOUT = 40


def training_photographs(data, preprocess_input, seed):
    options = {"batch_size": None, "preprocess_input": preprocess_input, "cache": True}
    folder = data / "imagenet_sample"
    of_imagenet = kx.datasets.image_folder(folder, **options)
    of_voc = kx.datasets.voc(data / "VOCdevkit", "train", **options)
    photographs = of_imagenet.concatenate(of_voc.map(lambda image, *_: image))
    count = sum(1 for _ in photographs)  # Which also reads them once.
    photographs = photographs.apply(tf.data.experimental.assert_cardinality(count))
    return photographs.shuffle(1500, seed=seed).batch(16).prefetch(2)


def judged_photographs(data, name, half):
    """Returns photographs (N, H, W, 3), the classes, and the true masks (N, H, W)."""
    images, classes, truth = [], [], []
    rows = (
        data
        / "imagenet1000"
        / {"ecssd": "ecssd/judged.csv", "voc": "voc_val_judged.csv"}[name]
    )
    with open(rows) as file:
        rows = list(csv.DictReader(file))[half]
    for row in rows:
        if name == "ecssd":
            folder = data / "imagenet1000/ecssd"
            stem = pathlib.Path(row["file"]).stem
            image, outline = f"images/{row['file']}", f"masks/{stem}.png"
            mask = np.asarray(_resized(folder / outline, Image.NEAREST, "L")) > 127
        else:
            folder = data / "VOCdevkit/VOC2012"
            image = f"JPEGImages/{row['file']}.jpg"
            outline = f"SegmentationClass/{row['file']}.png"
            numbers = np.asarray(_resized(folder / outline, Image.NEAREST))
            mask = np.where(
                numbers == 255, 255, numbers == VOC_NUMBERS[row["voc_class"]]
            )
        images.append(np.asarray(_resized(folder / image, Image.BILINEAR, "RGB")))
        truth.append(mask.astype("uint8"))
        classes.append(int(row["class"]))
    return np.stack(images).astype("float32"), np.array(classes), np.stack(truth)


def _resized(path, how, mode=None):
    image = Image.open(path)
    return (image.convert(mode) if mode else image).resize((SIDE, SIDE), how)


def of_objects(masks, relevance, truth):
    overlap = np.stack([metrics.iou(truth, masks, t) for t in THRESHOLDS], axis=1)
    at_half = overlap[:, np.flatnonzero(THRESHOLDS == 0.5)[0]]
    share = (truth == 1).sum((1, 2)) / (truth != 255).sum((1, 2))
    pointing = [
        float(np.mean(metrics.pointing_game(truth, maps)))
        for maps in (masks, relevance)
    ]
    return {
        "IoU": at_half.mean(),
        "best": overlap.mean(axis=0).max(),
        "best at": THRESHOLDS[overlap.mean(axis=0).argmax()],
        "small": at_half[share < 0.15].mean(),
        "accuracy": np.mean(metrics.pixel_accuracy(truth, masks)),
        "pointing of masks": pointing[0],
        "pointing of relevance": pointing[1],
    }


def layout(images, classes, boxes, seed=0):
    """Returns pictures of photographs of different classes, and these (N, parts)."""
    random, pictures, asked = np.random.default_rng(seed), [], []
    while len(pictures) < PICTURES_OF_A_LAYOUT:
        pick = random.choice(len(images), len(boxes), replace=False)
        if len(set(classes[pick])) < len(boxes):
            continue
        picture = np.zeros((SIDE, SIDE, 3), "float32")
        for image, box in zip(images[pick], boxes):
            top, left, bottom, right = (round(SIDE * side) for side in box)
            size = bottom - top, right - left
            # The middle of its sides' ratio, as large as there is.
            width = min(SIDE, round(SIDE * size[1] / size[0]))
            height = min(SIDE, round(SIDE * size[0] / size[1]))
            y, x = (SIDE - height) // 2, (SIDE - width) // 2
            middle = image[y : y + height, x : x + width]
            part = tf.image.resize(middle, size, antialias=True)
            picture[top:bottom, left:right] = part
        pictures.append(picture)
        asked.append(classes[pick])
    return np.stack(pictures), np.stack(asked)


def of_parts(masks_of, frozen, pictures, asked, boxes):
    """Returns how much of a class's mask is in the part that shows it.

    Classes are asked for that the classifier sees: of 1 % in the whole picture.
    """
    scores = np.asarray(frozen.probabilities(frozen.logits(pictures)))
    shares, overlaps = [], []
    for classes, box in zip(asked.T, boxes):
        top, left, bottom, right = (round(SIDE * side) for side in box)
        seen = scores[np.arange(len(classes)), classes] >= 0.01
        if not seen.any():
            continue
        masks = masks_of(pictures[seen], classes[seen])[0]
        inside = masks[:, top:bottom, left:right].sum((1, 2))
        shares.extend(inside / np.maximum(masks.sum((1, 2)), 1e-6))
        part = np.zeros(masks.shape[1:], bool)
        part[top:bottom, left:right] = True
        overlaps.extend(np.asarray(metrics.iou(np.stack([part] * len(masks)), masks)))
    return {"share": np.mean(shares), "IoU": np.mean(overlaps), "asked": len(shares)}


def of_other_classes(masks_of, frozen, images, masks):
    """Returns the IoU of masks of less likely classes with those of the answer."""
    order = np.argsort(-np.asarray(frozen.logits(images)), axis=-1)
    found = {}
    for name, rank in (("second", 1), ("tenth", 9)):
        others = masks_of(images, order[:, rank])[0] >= 0.5
        both = (others & (masks >= 0.5)).sum((1, 2))
        either = (others | (masks >= 0.5)).sum((1, 2))
        found[name] = np.mean(both / np.maximum(either, 1))
    return found


def of_order(classifier, images, maps, classes):
    curves = metrics.insertion_deletion(
        classifier, images, maps, classes.tolist(), step_share=0.05
    )
    drop = metrics.confidence_change(classifier, images, maps, classes.tolist())["drop"]
    found = {
        "insertion": curves["insertion_auc"],
        "deletion": curves["deletion_auc"],
        "drop": drop,
    }
    return {name: np.asarray(values).tolist() for name, values in found.items()}


def measured(masks_of, frozen, sets, composed):
    """Returns all figures of a method."""
    found, spread = {}, []
    for name, (images, classes, truth) in sets.items():
        masks, relevance = masks_of(images, classes)
        found[name] = of_objects(masks, relevance, truth)
        step = max(1, len(images) // 50)
        spread.append([x[::step][:50] for x in (images, masks, relevance, classes)])
    images, masks, relevance, classes = map(np.concatenate, zip(*spread))
    found["parts"] = {
        name: of_parts(masks_of, frozen, *pictures, LAYOUTS[name])
        for name, pictures in composed.items()
    }
    found["others"] = of_other_classes(masks_of, frozen, images, masks)
    found["order"] = of_order(frozen, images, relevance, classes)
    return found


def print_tables(results):
    print_table({name: row_of_objects(found) for name, found in results.items()})
    print()
    print_table({name: row_of_others(found) for name, found in results.items()})


def row_of_objects(found):
    shown = ("IoU", "best at", "small", "pointing of masks", "pointing of relevance")
    return {f"{x} ({name})": found[name][x] for x in shown for name in ("ecssd", "voc")}


def row_of_others(found):
    parts = found["parts"].items()
    return {
        **{f"{x} ({name})": r[x] for name, r in parts for x in ("share", "IoU")},
        **found["others"],
        **{name: np.mean(values) for name, values in found["order"].items()},
    }


def print_table(rows):
    heads = [*next(iter(rows.values()))]
    print(f"| method | {' | '.join(heads)} |\n|---|{'---|' * len(heads)}")
    for method, row in rows.items():
        print(f"| {method} | {' | '.join(f'{value:.3f}' for value in row.values())} |")


def disc():
    y, x = np.mgrid[:SIDE, :SIDE] + 0.5 - SIDE / 2
    return (x**2 + y**2 < SIDE**2 * 0.25 / np.pi).astype("float32")


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--data", default="../shared/data", type=pathlib.Path)
    parser.add_argument("--classifier", default="mobilenet_v2", choices=CLASSIFIERS)
    parser.add_argument("--explainer", help="one that is trained already")
    parser.add_argument("--epochs", default=4, type=int)
    parser.add_argument("--seed", default=0, type=int)
    parser.add_argument("--odd", action="store_true")
    parser.add_argument("--out", default="runs/imagenet_quality", type=pathlib.Path)
    arguments = parser.parse_args()
    keras.utils.set_random_seed(arguments.seed)
    make, options, weights = CLASSIFIERS[arguments.classifier]
    classifier = make(weights=str(arguments.data / weights), **options)
    untrained = kx.ExplainerModel(classifier)
    arguments.out.mkdir(parents=True, exist_ok=True)
    if arguments.explainer:
        explainer = keras.saving.load_model(arguments.explainer)
    else:
        explainer = kx.ExplainerModel(classifier)
        preprocess_input = explainer.preprocessing
        data = training_photographs(arguments.data, preprocess_input, arguments.seed)
        start = time.process_time()
        explainer.fit(data, epochs=arguments.epochs, verbose=2)
        minutes = (time.process_time() - start) / 60
        memory = peak_mebibytes() / 1024
        print(f"{minutes:.1f} CPU minutes, peak memory {memory:.1f} GiB")
        explainer.save(arguments.out / "explainer.keras")

    half = slice(1 if arguments.odd else 0, None, 2 if arguments.odd else 1)
    sets = {}
    for name in ("ecssd", "voc"):
        images, classes, truth = judged_photographs(arguments.data, name, half)
        images = np.asarray(explainer.preprocessing(images))
        sets[name] = images, classes, truth
    composed = {
        name: layout(*sets["ecssd"][:2], boxes) for name, boxes in LAYOUTS.items()
    }
    grad_cam = kx.attribution.GradCAM(classifier)

    def of_explainer(model):
        def masks_of(images, classes):
            found = model.explain(images, targets=classes.tolist())
            maps = found.masks[..., 0], found.relevance[..., 0]
            return [np.asarray(each, "float32") for each in maps]

        return masks_of

    def of_grad_cam(images, classes):
        # In batches: it takes the memory of a pass with a gradient.
        parts = [slice(start, start + 32) for start in range(0, len(images), 32)]
        maps = [grad_cam.explain(images[p], classes[p].tolist()) for p in parts]
        return [np.concatenate(maps)] * 2

    def of_disc(images, classes):
        return [np.stack([disc()] * len(images))] * 2

    methods = {
        "disc in the middle": of_disc,
        "Grad-CAM": of_grad_cam,
        "Explainer, untrained": of_explainer(untrained),
        "Explainer": of_explainer(explainer),
    }
    results = {
        name: measured(masks_of, explainer.frozen, sets, composed)
        for name, masks_of in methods.items()
    }
    print_tables(results)
    text = json.dumps(results, indent=1, default=float)
    (arguments.out / "metrics.json").write_text(text)
    draw(explainer, sets, arguments.out / "gallery.png")


def draw(explainer, sets, path):
    """Draws the first answer's masks of 16 photographs, spread over the sets."""
    images = np.concatenate([images for images, _, _ in sets.values()])
    pick = images[:: len(images) // 16][:16]
    explanation = explainer.explain(pick, top_k=1)
    names = explainer.display_names
    captions = [
        f"{names[answer]} {score:.2f}"
        for answer, score in zip(explanation.classes[:, 0], explanation.scores[:, 0])
    ]
    shown = explainer.preprocessing.restore(pick)
    sheet = kx.visualization.contact_sheet(
        shown, explanation.target_mask, captions, columns=4
    )
    kx.visualization.save_figure(sheet, path)


if __name__ == "__main__":
    main()
