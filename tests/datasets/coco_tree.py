"""A small tree of photographs and annotations in COCO's format."""

import json

import numpy as np
from PIL import Image

from keras_explainer.datasets.coco import COCO_CATEGORIES

HEIGHT, WIDTH = 48, 64
CATEGORIES = [{"id": i, "name": name} for i, name in COCO_CATEGORIES.items()]


def write_tree(root, split="train2014", count=20, seed=0):
    """Writes images and annotations of all kinds; returns the JSON content.

    Image 0 has no annotation, every fifth one a crowd, and objects overlap.
    """
    rng = np.random.default_rng(seed)
    images, annotations = [], []
    for number in range(count):
        name = f"COCO_{split}_{100 + number:012}.jpg"
        picture = rng.integers(0, 255, (HEIGHT // 8, WIDTH // 8, 3), "uint8")
        images.append(entry(100 + number, name))
        write_image(root / split / name, picture.repeat(8, 0).repeat(8, 1))
        if number == 0:
            continue
        kinds = [polygons, polygons, uncompressed, compressed][: rng.integers(1, 5)]
        kinds += [crowd] * (number % 5 == 0)
        for kind in kinds:
            category = int(rng.choice(list(COCO_CATEGORIES)))
            annotations.append(
                {
                    "id": 1000 + len(annotations),
                    "image_id": 100 + number,
                    "category_id": category,
                    "iscrowd": int(kind is crowd),
                    "segmentation": kind(rng),
                }
            )
    return write_instances(root, split, images, annotations)


def write_image(path, array):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(array).save(path, quality=95)


def entry(number, name, height=HEIGHT, width=WIDTH):
    return {"id": number, "file_name": name, "height": height, "width": width}


def write_instances(root, split, images, annotations, categories=CATEGORIES):
    content = {"images": images, "annotations": annotations, "categories": categories}
    folder = root / "annotations"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"instances_{split}.json").write_text(json.dumps(content))
    return content


def polygons(rng):
    """One or two polygons, a little over the border."""
    return [
        np.round(rng.uniform(-0.1, 1.1, (rng.integers(3, 9), 2)) * (WIDTH, HEIGHT), 2)
        .ravel()
        .tolist()
        for _ in range(rng.integers(1, 3))
    ]


def uncompressed(rng):
    """Run lengths of a box."""
    inside = np.zeros((HEIGHT, WIDTH), bool)
    top, left = rng.integers(0, 20, 2)
    inside[top : top + 20, left : left + 30] = True
    return {"size": [HEIGHT, WIDTH], "counts": run_lengths(inside)}


def compressed(rng):
    """The compressed string of a box and a disc, written by pycocotools."""
    from pycocotools import mask

    code = mask.frPyObjects(uncompressed(rng), HEIGHT, WIDTH)
    return {"size": [HEIGHT, WIDTH], "counts": code["counts"].decode()}


def crowd(rng):
    inside = rng.random((HEIGHT, WIDTH)) < 0.3
    return {"size": [HEIGHT, WIDTH], "counts": run_lengths(inside)}


def run_lengths(inside):
    flat = np.concatenate([[False], inside.T.ravel(), [not inside[-1, -1]]])
    ends = np.flatnonzero(flat[1:] != flat[:-1])
    return np.diff(np.concatenate([[0], ends])).tolist()
