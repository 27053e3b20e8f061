"""Reproduces a table of the paper: classifier, Explainer, every method, the table.

    python examples/reproduce_paper.py --dataset voc2007 --classifier vgg16 \\
        --data VOCdevkit --out runs/voc2007_vgg16
    python examples/reproduce_paper.py --smoke

The Explainer has the published configuration: a DeepLabv3 decoder on an encoder of
its own, Adam, batches of 16, the weights of the loss terms of that data set and
classifier, the epoch with the lowest validation loss. --classifier may also be a
classifier saved as .keras. Each step is skipped where its result is in --out, and
goes on where it was interrupted. --smoke runs everything in minutes, on drawn shapes
in the layout of VOC that it writes itself; its figures mean nothing.
"""

import argparse
import pathlib
import sys

import keras
import numpy as np
from PIL import Image
from resumable_training import fit_resumably
from train_classifier import SOURCES
from train_classifier import add_arguments
from train_classifier import build_body
from train_classifier import check_data
from train_classifier import load
from train_classifier import recipe_of
from train_classifier import settings_of
from train_classifier import train_classifier

import keras_explainer as kx
from keras_explainer.classifiers.layer_graph import LayerGraph
from keras_explainer.classifiers.preprocessing import Preprocessing
from keras_explainer.command_line.command_error import CommandError
from keras_explainer.evaluation import METHOD_ROWS
from keras_explainer.evaluation import evaluate_methods
from keras_explainer.evaluation.comparison_table import ComparisonTable
from keras_explainer.loading.load_classifier import is_path
from keras_explainer.loading.load_classifier import load_classifier

METHODS = (
    "zero,half,one,ideal,grad_cam,rise,extremal_perturbation,igos_plus_plus,explainer"
)
# As the paper heads them, with the metrics of this package.
COLUMNS = {
    "Mean F1": "threshold_averaged_f1",
    "Cont. F1": "continuous_f1",
    "Accuracy": "accuracy",
    "Discr. IoU": "threshold_averaged_iou",
    "Cont. IoU": "continuous_iou",
    "AUC": "auc",
    "Saliency": "saliency",
    "Bg. coverage": "background_coverage",
    "Obj. coverage": "object_coverage",
}
_PUBLISHED = ("vgg16", "resnet50")  # for any other, the weights of VGG-16's terms
# Learning rate of the Explainer and patience, where they are not 1e-5 and 5.
_LEARNING_RATES = {("voc2007", "resnet50"): 1e-4}
_PATIENCE = {"coco2014": 2}
# What --smoke asks for, where nothing else is said.
_SMOKE = {
    "out": pathlib.Path("runs/smoke"),
    "classifier": "mobilenet",
    "alpha": 0.25,
    "weights": "none",
    "classes": "aeroplane,bicycle,bird,boat,bottle,bus,car,cat",
    "image_size": 64,
    "batch_size": 8,
    "classifier_epochs": 2,
    "epochs": 2,
    "slow_limit": 1,
    "encoder": "mobilenet",
    "encoder_weights": "none",
}


def main(arguments=None):
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    add_arguments(parser)
    parser.add_argument("--out", type=pathlib.Path, help="default: runs/<dataset>_...")
    parser.add_argument("--encoder", default="resnet50", help="of the Explainer")
    parser.add_argument("--encoder-weights", default="imagenet", help="as --weights")
    parser.add_argument("--epochs", type=int, default=1000, help="of the Explainer")
    parser.add_argument("--learning-rate", type=float, help="default: as published")
    parser.add_argument("--methods", default=METHODS)
    parser.add_argument("--test-limit", type=int, help="images to measure on")
    parser.add_argument("--slow-limit", type=int, help="of them for RISE and the like")
    parser.add_argument("--smoke", action="store_true", help="try out the whole chain")
    if "--smoke" in (sys.argv if arguments is None else arguments):
        parser.set_defaults(**_SMOKE)
    args = parser.parse_args(arguments)
    name = pathlib.Path(args.classifier).stem
    args.out = args.out or pathlib.Path("runs", f"{args.dataset}_{name}")
    try:
        reproduce(args)
    except (CommandError, ValueError, OSError) as error:
        sys.exit(str(error))


def reproduce(args):
    """Runs all steps; returns the table as Markdown."""
    if args.smoke and args.data is None:
        args.data = args.out / "VOCdevkit"
        if not args.data.exists():
            write_shapes_as_voc(args.data / "VOC2007", args.image_size)
    check_data(args)
    if is_path(args.classifier):
        classifier, preprocessing = load_classifier(args.classifier), "auto"
    else:
        classifier = train_classifier(args, args.out / "classifier")
        preprocessing = recipe_of(args.classifier).preprocessing
    explainer = train_explainer(args, classifier, preprocessing)
    results = evaluate_methods(
        explainer,
        load(args, "masks", explainer.preprocessing, masks=True, limit=args.test_limit),
        args.methods.split(","),
        folder=args.out / "measured",
        protocol="published",
        slow_limit=args.slow_limit,
        progress=tell,
    )
    table = paper_table(results)
    (args.out / "table.md").write_text(table)
    (args.out / "all_metrics.md").write_text(ComparisonTable(results).markdown())
    print(f"\n{table}\nSee {args.out}", flush=True)
    return table


def train_explainer(args, classifier, preprocessing):
    """Returns the Explainer, trained in the published configuration."""
    published = SOURCES[args.dataset].published
    trained_by = args.classifier if args.classifier in _PUBLISHED else "vgg16"
    rate = args.learning_rate or _LEARNING_RATES.get((published, trained_by), 1e-5)
    preprocess_input = Preprocessing(preprocessing, LayerGraph(classifier))

    def build(class_names):
        explainer = kx.ExplainerModel(
            classifier,
            encoder=build_body(args.encoder, args, args.encoder_weights),
            decoder="deeplabv3",
            background=0.0,
            multi_label=True,
            upsampling="bilinear",
            class_names=class_names,
            preprocess_input=preprocessing,
        )
        loss = kx.ExplainerLoss.published(published, trained_by)
        explainer.compile(keras.optimizers.Adam(rate), loss)
        return explainer

    keras.utils.set_random_seed(args.seed)
    return fit_resumably(
        build,
        lambda seed: [
            load(args, use, preprocess_input, seed=seed)
            for use in ("train", "validation")
        ],
        args.out / "explainer",
        settings=settings_of(
            args, "epochs", "encoder", "encoder_weights", "learning_rate"
        ),
        epochs=args.epochs,
        patience=_PATIENCE.get(published, 5),
    )


def tell(method, images):
    print(f"{METHOD_ROWS[method].label}: {images} images", end="\r", flush=True)


def paper_table(results):
    """Returns results in the layout of the paper's tables, as Markdown."""
    lines = [["", *COLUMNS], ["---", *["---:"] * len(COLUMNS)]]
    for name, result in results.items():
        summaries = [result.summary(metric) for metric in COLUMNS.values()]
        cells = [f"{s['mean']:.2f}" if s else "-" for s in summaries]
        lines.append([METHOD_ROWS[name].label, *cells])
    table = "\n".join(f"| {' | '.join(line)} |" for line in lines)
    failed = [
        f"{METHOD_ROWS[n].label}: {r.failure}" for n, r in results.items() if r.failure
    ]
    counts = ", ".join(f"{METHOD_ROWS[n].label} {r.images}" for n, r in results.items())
    return "\n\n".join([table, f"Images: {counts}.", *failed]) + "\n"


def write_shapes_as_voc(folder, size=64, *, train=32, val=8, test=8):
    """Writes drawn shapes in the layout of VOC: the first 8 classes are shapes."""
    counts = {"train": train, "val": val, "test": test}
    names = kx.datasets.VOC_CLASSES
    for name in ("JPEGImages", "SegmentationClass", "Annotations"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    for seed, (split, count) in enumerate(counts.items()):
        pictures = kx.datasets.shapes(
            count, image_size=size, batch_size=None, seed=seed, masks=True
        )
        for number, (image, labels, mask) in enumerate(pictures.as_numpy_iterator()):
            name = f"{split}_{number:03}"
            picture = Image.fromarray(image.astype("uint8"))
            picture.save(folder / "JPEGImages" / f"{name}.jpg", quality=95)
            mask = Image.fromarray(mask)
            mask.putpalette(np.arange(256, dtype="uint8").repeat(3).tobytes())
            mask.save(folder / "SegmentationClass" / f"{name}.png")
            nodes = "".join(
                f"<object><name>{names[i]}</name></object>"
                for i in np.flatnonzero(labels)
            )
            text = f"<annotation>{nodes}</annotation>"
            (folder / "Annotations" / f"{name}.xml").write_text(text)
        for task in ("Main", "Segmentation"):
            (folder / "ImageSets" / task).mkdir(parents=True, exist_ok=True)
            lines = [f"{split}_{number:03}\n" for number in range(count)]
            (folder / "ImageSets" / task / f"{split}.txt").write_text("".join(lines))


if __name__ == "__main__":
    main()
