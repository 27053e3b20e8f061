"""Fine-tunes a classifier on VOC or COCO as the authors of the Explainer did theirs.

    python examples/train_classifier.py --dataset voc2007 --classifier vgg16 \\
        --data VOCdevkit --out runs/voc2007_vgg16_classifier

The body has ImageNet weights and stays frozen; a new head is trained with one sigmoid
per class. Writes a folder with `best.keras` and `scores.json` (mean average precision
on the test images). The same command continues a run that was interrupted.
"""

import argparse
import json
import pathlib
import sys
import typing

import keras
import numpy as np
import tensorflow as tf
from resumable_training import fit_resumably

import keras_explainer as kx
from keras_explainer.command_line.command_error import CommandError


class Source(typing.NamedTuple):
    """A data set: its loader, and (split, shard) for each use."""

    load: typing.Callable
    options: dict
    train: tuple
    validation: tuple
    test: tuple
    masks: tuple  # of the test images, those that masks are measured on
    published: str  # whose published weights of the loss terms are taken


# Where no labels of test images were published, one half of the validation images
# decides when to stop, and the other half is for testing.
SOURCES = {
    "voc2007": Source(
        kx.datasets.voc,
        {"year": 2007},
        ("Main/train", None),
        ("Main/val", None),
        ("Main/test", None),
        ("Segmentation/test", None),
        "voc2007",
    ),
    "voc2012": Source(
        kx.datasets.voc,
        {"year": 2012},
        ("train", None),
        ("val", (0, 2)),
        ("val", (1, 2)),
        ("val", (1, 2)),
        "voc2007",
    ),
    "coco2014": Source(
        kx.datasets.coco,
        {"year": 2014},
        ("train", None),
        ("val", (0, 2)),
        ("val", (1, 2)),
        ("val", (1, 2)),
        "coco2014",
    ),
}


class Recipe(typing.NamedTuple):
    """How an architecture is turned into a classifier."""

    body: typing.Callable
    preprocessing: str  # module of keras.applications
    hidden: int  # units of the two hidden layers, 0 for a linear head on the mean
    learning_rate: float


RECIPES = {
    "vgg16": Recipe(keras.applications.VGG16, "vgg16", 4096, 1e-5),
    "resnet50": Recipe(keras.applications.ResNet50, "resnet", 0, 1e-4),
    "mobilenet": Recipe(keras.applications.MobileNet, "mobilenet", 0, 1e-3),
}


def main(arguments=None):
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    add_arguments(parser)
    parser.add_argument("--out", required=True, type=pathlib.Path)
    args = parser.parse_args(arguments)
    try:
        check_data(args)
        train_classifier(args, args.out)
    except (CommandError, ValueError, OSError) as error:
        sys.exit(str(error))


def add_arguments(parser):
    parser.add_argument("--dataset", default="voc2007", choices=list(SOURCES))
    parser.add_argument("--data", type=pathlib.Path, help="VOCdevkit, or COCO's folder")
    parser.add_argument("--classifier", default="vgg16", help=", ".join(RECIPES))
    parser.add_argument("--alpha", type=float, default=1.0, help="width of MobileNet")
    parser.add_argument(
        "--weights",
        default="imagenet",
        help="of the body: imagenet, none, or a .weights.h5 of the whole application",
    )
    parser.add_argument("--classes", help="A,B,C: only these (default: all)")
    parser.add_argument("--image-size", type=int, default=224)
    parser.add_argument("--batch-size", type=int, default=16)
    parser.add_argument("--classifier-epochs", type=int, default=100)
    parser.add_argument("--limit", type=int, help="only the first N images of a split")
    parser.add_argument("--seed", type=int, default=42)


def check_data(args):
    if args.data is None or not args.data.is_dir():
        raise CommandError(
            "Argument `--data` should be an existing folder. "
            f"Received: {args.data or 'nothing'}"
        )


def train_classifier(args, out):
    """Returns the trained classifier, from `out` if it is there already."""
    recipe = recipe_of(args.classifier)
    preprocess_input = getattr(
        keras.applications, recipe.preprocessing
    ).preprocess_input
    keras.utils.set_random_seed(args.seed)
    classifier = fit_resumably(
        lambda class_names: build_classifier(args, recipe, len(class_names)),
        lambda seed: [
            load(args, use, preprocess_input, seed=seed)
            for use in ("train", "validation")
        ],
        out,
        settings=settings_of(args, "classifier_epochs"),
        epochs=args.classifier_epochs,
        patience=5,
    )
    scores_file = out / "scores.json"
    if not scores_file.exists():
        test = load(args, "test", preprocess_input)
        labels = np.concatenate([labels for _, labels in test.as_numpy_iterator()])
        scores = classifier.predict(test, verbose=0)
        precision = mean_average_precision(labels, scores)
        figures = {"mean_average_precision": precision, "images": len(labels)}
        scores_file.write_text(json.dumps(figures) + "\n")
    print(f"{out}: {scores_file.read_text().strip()}", flush=True)
    return classifier


def recipe_of(name):
    if name not in RECIPES:
        raise ValueError(
            f"Argument `--classifier` should be one of {list(RECIPES)}. "
            f"Received: {name!r}"
        )
    return RECIPES[name]


def build_classifier(args, recipe, num_classes):
    body = build_body(args.classifier, args, args.weights)
    body.trainable = False
    images = keras.Input((args.image_size, args.image_size, 3))
    x = body(images, training=False)
    if recipe.hidden:
        x = keras.layers.Flatten()(x)
        for _ in range(2):
            x = keras.layers.Dense(recipe.hidden, activation="relu")(x)
            x = keras.layers.Dropout(0.5)(x)
    else:
        x = keras.layers.GlobalAveragePooling2D()(x)
    x = keras.layers.Dense(num_classes, activation="sigmoid")(x)
    classifier = keras.Model(images, x, name=args.classifier)
    optimizer = keras.optimizers.Adam(recipe.learning_rate)
    classifier.compile(optimizer, "binary_crossentropy")
    return classifier


def build_body(name, args, weights):
    """Returns an application without its head, with the weights asked for."""
    recipe = recipe_of(name)
    options = {"alpha": args.alpha} if name == "mobilenet" else {}
    shape = (args.image_size, args.image_size, 3)

    def build(weights):
        return recipe.body(
            include_top=False, input_shape=shape, weights=weights, **options
        )

    if weights == "none":
        return build(None)
    try:
        if weights == "imagenet":
            return build("imagenet")
        whole = recipe.body(weights=None, **options)
        whole.load_weights(weights)
    except Exception as error:  # Whatever goes wrong on the way to the weights.
        reason = " ".join(str(error).split())
        raise CommandError(
            "Argument `--weights` should be imagenet where that can be downloaded, a "
            f"file for {name}, or none. Received: {weights} ({reason})"
        ) from error
    body = build(None)
    for layer in filter(lambda layer: layer.weights, body.layers):
        layer.set_weights(whole.get_layer(layer.name).get_weights())
    return body


def load(args, use, preprocess_input, *, masks=False, limit=None, seed=0):
    """Returns the images of one use: "train", "validation", "test" or "masks".

    Images without a label are left out: they have nothing to explain.
    """
    source = SOURCES[args.dataset]
    split, shard = getattr(source, use)
    examples = source.load(
        args.data,
        split,
        **source.options,
        classes=args.classes.split(",") if args.classes else None,
        image_size=args.image_size,
        batch_size=None,
        masks=masks,
        shuffle=use == "train",
        seed=args.seed + seed,
        limit=limit or args.limit,
        shard=shard,
    )
    ds = examples.filter(lambda image, labels, *mask: tf.reduce_any(labels > 0))
    ds = ds.batch(args.batch_size)
    ds = ds.map(lambda images, *rest: (preprocess_input(images), *rest))
    ds = ds.prefetch(tf.data.AUTOTUNE)
    ds.class_names = examples.class_names
    return ds


def settings_of(args, *epochs):
    """Returns what decides the result of a training, as JSON values."""
    names = ["dataset", "data", "classifier", "alpha", "weights", "classes"]
    names += ["image_size", "batch_size", "limit", "seed", *epochs]
    values = {name: getattr(args, name) for name in names}
    return {**values, "data": str(args.data)}


def mean_average_precision(labels, scores):
    """The mean over classes that occur of the mean precision at each positive."""
    found = []
    for column, values in zip(labels.T, scores.T):
        ranked = column[np.argsort(-values, kind="stable")]
        precision = np.cumsum(ranked) / np.arange(1, len(ranked) + 1)
        if ranked.any():
            found.append(np.sum(precision * ranked) / np.sum(ranked))
    return float(np.mean(found))


if __name__ == "__main__":
    main()
