"""Measures how fast pictures are read: decoded, resized and put into batches.

    python benchmarks/data_speed.py
    python benchmarks/data_speed.py --data ../shared/data/VOCdevkit/VOC2012

Prints images per second of processor time, which is per core whatever else runs on
the machine. Without --data the squares are drawn shapes; with it they are photographs
brought to 224 x 224 pixels, and those of VOC are read as they are, too.
"""

import argparse
import pathlib
import tempfile
import time

from PIL import Image

import keras_explainer as kx

SIZE = 224


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--data", type=pathlib.Path, help="a VOC<year> folder")
    parser.add_argument("--images", type=int, default=500)
    parser.add_argument("--rounds", type=int, default=3)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        pictures = drawn(args.images) if args.data is None else photographs(args)
        for number, picture in enumerate(pictures):
            picture.save(f"{folder}/{number:05}.jpg", quality=95)
        measure("squares of 224 pixels", kx.datasets.image_folder, args, folder)
        for resizing in ("crop", "pad"):
            name = f"the same, {resizing}, to 160 pixels"
            options = {"resizing": resizing, "image_size": 160}
            measure(name, kx.datasets.image_folder, args, folder, **options)
        options = {"augment": True}
        measure(
            "the same, augmented", kx.datasets.image_folder, args, folder, **options
        )
    if args.data is not None:
        voc, options = kx.datasets.voc, {"split": "train", "shuffle": False}
        measure("photographs of VOC", voc, args, args.data, **options)
        measure("the same, with masks", voc, args, args.data, masks=True, **options)


def drawn(count):
    for image, _ in kx.datasets.shapes(count, image_size=SIZE, batch_size=None):
        yield Image.fromarray(image.numpy().astype("uint8"))


def photographs(args):
    folder = args.data / "JPEGImages"
    for path in sorted(folder.glob("*.jpg"))[: args.images]:
        yield Image.open(path).convert("RGB").resize((SIZE, SIZE))


def measure(name, load, args, folder, image_size=SIZE, **options):
    """Prints the best of some epochs, after one that fills the caches of the disk."""
    ds = load(folder, limit=args.images, image_size=image_size, **options)
    ds = ds.map(lambda *batch: batch)  # always tuples
    best = float("inf")
    for _ in range(args.rounds + 1):
        start = time.process_time()
        count = sum(len(batch[0]) for batch in ds)
        best = min(best, (time.process_time() - start) / count)
    print(f"{name:38}{1 / best:8.0f} images per second per core", flush=True)


if __name__ == "__main__":
    main()
