"""Trains the explainer of ImageNet's classes that is shipped with the project.

    python saved_models/train_imagenet_explainer.py --weights WEIGHTS.h5 \\
        --photographs FOLDER --voc VOCdevkit

It explains MobileNetV2, learns from photographs without labels, and is written twice:
as `fit` leaves it into --run, and small, as it is shipped, to --out. To make one small
that is trained already: `python saved_models/make_small.py TRAINED.keras SMALL.keras`.
"""

import argparse
import pathlib
import time

import keras
import numpy as np
import tensorflow as tf
from make_small import FOLDER
from make_small import make_small
from make_small import report

import keras_explainer as kx
from keras_explainer.classifiers.imagenet_classes import IMAGENET_CLASSES

BATCH_SIZE = 16
# Each photograph is shuffled as float32, 0.6 MB.
SHUFFLED = 1500


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument(
        "--weights", required=True, help="of keras.applications.MobileNetV2, .h5"
    )
    parser.add_argument(
        "--photographs", nargs="*", default=[], help="folders of pictures"
    )
    parser.add_argument("--voc", help="a VOCdevkit, for the photographs of `train`")
    parser.add_argument("--epochs", type=int, default=2)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--run", default="runs/imagenet", help="folder to write")
    parser.add_argument("--out", default=str(FOLDER / "mobilenet_v2_imagenet.keras"))
    args = parser.parse_args()

    start = time.time(), time.process_time()
    explainer = trained(args)
    wall, cpu = time.time() - start[0], time.process_time() - start[1]
    print(f"Trained in {wall:.0f} s, {cpu / 60:.1f} CPU minutes")
    path = pathlib.Path(args.run) / "explainer.keras"
    path.parent.mkdir(parents=True, exist_ok=True)
    explainer.save(path)
    make_small(path, args.out)
    report(args.out)


def trained(args):
    keras.utils.set_random_seed(args.seed)
    classifier = keras.applications.MobileNetV2(weights=args.weights)
    explainer = kx.ExplainerModel(classifier, class_names=IMAGENET_CLASSES)
    explainer.fit(photographs(args), epochs=args.epochs, verbose=2)
    return explainer


def photographs(args):
    """Returns batches of images, shuffled anew in each epoch, that know their number.

    So the learning rate falls from the first epoch on.
    """
    options = {
        "batch_size": None,
        "preprocess_input": keras.applications.mobilenet_v2.preprocess_input,
        "cache": True,
    }
    found = [kx.datasets.image_folder(folder, **options) for folder in args.photographs]
    if args.voc:
        found.append(kx.datasets.voc(args.voc, "train", **options))
    images, *others = (part.map(lambda image, *labels: image) for part in found)
    for more in others:
        images = images.concatenate(more)
    count = images.reduce(np.int64(0), lambda count, _: count + 1)
    images = images.apply(tf.data.experimental.assert_cardinality(count))
    return images.shuffle(SHUFFLED, seed=args.seed).batch(BATCH_SIZE).prefetch(2)


if __name__ == "__main__":
    main()
