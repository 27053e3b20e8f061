"""Trains an Explainer for 1000 classes on photographs without labels, and draws it.

    python benchmarks/imagenet_gallery.py --data ../shared/data

Prints the peak memory of the process and writes a gallery of 12 photographs.
"""

import argparse
import pathlib
import time

import keras
import numpy as np
from peak_memory import peak_mebibytes

import keras_explainer as kx


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--data", default="../shared/data", type=pathlib.Path)
    parser.add_argument("--epochs", default=2, type=int)
    parser.add_argument("--out", default="runs/imagenet_gallery", type=pathlib.Path)
    arguments = parser.parse_args()
    keras.utils.set_random_seed(0)
    classifier = keras.applications.MobileNet(
        alpha=0.25,
        input_shape=(224, 224, 3),
        weights=arguments.data / "classifiers/mobilenet_v1_0.25_224.weights.h5",
    )
    folder = arguments.data / "imagenet_sample"
    # n02123045_tabby.jpg: the class is in the file name, in the classifier's order.
    names = [
        path.stem.split("_", 1)[1].replace("_", " ")
        for path in sorted(folder.iterdir())
    ]
    explainer = kx.ExplainerModel(classifier)
    photographs = kx.datasets.image_folder(
        folder, batch_size=16, shuffle=True, preprocess_input=explainer.preprocessing
    )
    start = time.time()
    explainer.fit(photographs, epochs=arguments.epochs, verbose=2)
    memory = peak_mebibytes() / 1024
    print(f"{time.time() - start:.0f} s, peak memory {memory:.1f} GiB")

    ordered = kx.datasets.image_folder(
        folder, batch_size=None, preprocess_input=explainer.preprocessing
    )
    pick = np.stack(list(ordered.take(1000).as_numpy_iterator())[40::83][:12])
    explanation = explainer.explain(pick, top_k=1)
    captions = [
        f"{names[c]} {p:.2f}"
        for c, p in zip(explanation.classes[:, 0], explanation.scores[:, 0])
    ]
    sheet = kx.visualization.contact_sheet(
        explainer.preprocessing.restore(pick), explanation.target_mask, captions, 3
    )
    kx.visualization.save_figure(sheet, arguments.out / "gallery.png")
    print(f"See {arguments.out}/gallery.png")


if __name__ == "__main__":
    main()
