"""Measures how smooth and how faithful the masks of iGOS++ are on photographs.

    python benchmarks/igos_plus_plus.py --data ../shared/data --images 4

Takes photographs at even steps out of every other one of VOC's validation photographs
and explains the class that the classifier is surest of. Prints a row for Grad-CAM and
one for iGOS++: the mean of the maps, their total variation as a share of that, the
length of the outlines at 0.5 in square roots of the area inside (4 for a square),
deletion and insertion, and seconds for an image.
"""

import argparse
import pathlib
import time

import keras
import numpy as np
from voc_quality import load_classifier
from voc_quality import photographs

from keras_explainer.attribution import GradCAM
from keras_explainer.attribution import IGOSPlusPlus
from keras_explainer.classifiers import FrozenClassifier
from keras_explainer.metrics import insertion_deletion


def total_variation(maps):
    return sum(np.abs(np.diff(maps, axis=axis)).sum((1, 2)) for axis in (1, 2))


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--data", default="../shared/data", type=pathlib.Path)
    parser.add_argument("--images", default=8, type=int)
    parser.add_argument("--step", default=27, type=int, help="every which of them")
    parser.add_argument("--iterations", default=20, type=int)
    parser.add_argument("--steps", default=15, type=int)
    arguments = parser.parse_args()
    keras.utils.set_random_seed(0)
    classifier = load_classifier(arguments.data)
    batches = photographs(arguments.data, "val").as_numpy_iterator()
    images = np.concatenate([images for images, _ in batches])
    images = images[:: 2 * arguments.step][: arguments.images]
    frozen = FrozenClassifier(classifier, multi_label=True)
    classes = classifier.predict(images, verbose=0).argmax(axis=1).tolist()
    options = {"iterations": arguments.iterations, "steps": arguments.steps, "seed": 0}
    methods = {
        "Grad-CAM": GradCAM(classifier, True),
        "iGOS++": IGOSPlusPlus(classifier, True, **options),
    }
    print(
        f"{'':10}{'area':>8}{'variation':>12}{'outline':>10}{'deletion':>10}"
        f"{'insertion':>11}{'s / image':>11}"
    )
    for name, method in methods.items():
        start = time.time()
        maps = method.explain(images, classes)
        seconds = (time.time() - start) / len(images)
        inside = (maps > 0.5).astype("float32")
        area = np.maximum(inside.sum((1, 2)), 1)
        variation = total_variation(maps) / np.maximum(maps.sum((1, 2)), 1)
        outline = total_variation(inside) / np.sqrt(area)
        curves = insertion_deletion(frozen, images, maps, classes, step_share=0.02)
        print(
            f"{name:10}{maps.mean():8.3f}{variation.mean():12.3f}{outline.mean():10.2f}"
            f"{curves['deletion_auc'].mean():10.3f}"
            f"{curves['insertion_auc'].mean():11.3f}{seconds:11.1f}"
        )


if __name__ == "__main__":
    main()
