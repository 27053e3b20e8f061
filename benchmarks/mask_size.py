"""How large masks become when a finished explainer is trained on with other weights.

    python benchmarks/mask_size.py shapes --steps 80 --loss target_area_weight=9
    python benchmarks/mask_size.py patches --loss target_area_weight=9
    python benchmarks/mask_size.py imagenet --photographs FOLDER --held-out FOLDER

Prints, before and after each quarter of the steps, the mean area of the masks of the
predicted classes, their mean probability, what of it the classifier keeps from the
masks alone, and what from the rest, on 64 images that training does not see.
"""

import argparse
import os
import pathlib
import sys

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
import keras
import numpy as np
import tensorflow as tf

import keras_explainer as kx
from keras_explainer.command_line.argument_types import settings
from keras_explainer.loading.loss_options import compile_with

ROOT = pathlib.Path(__file__).parents[1]
BATCH_SIZE, HELD_OUT, PARTS = 16, 64, 4


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("explainer", choices=["shapes", "patches", "imagenet"])
    parser.add_argument("--loss", type=settings, default={}, help="as of train")
    parser.add_argument(
        "--rate", type=float, help="one that stays (default: 2e-3, falling)"
    )
    parser.add_argument("--anew", action="store_true", help="train it from the start")
    parser.add_argument("--steps", type=int, default=80)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--photographs", help="folder to learn from, for imagenet")
    parser.add_argument("--held-out", help="folder to measure on, for imagenet")
    args = parser.parse_args()
    if args.explainer == "imagenet" and not (args.photographs and args.held_out):
        parser.error("imagenet should come with --photographs and --held-out")

    explainer, (images, labels), held_out = DATA[args.explainer](args)
    keras.utils.set_random_seed(args.seed)
    if args.anew:
        explainer = keras.models.clone_model(explainer)
    compile_with(explainer, {**vars(explainer.draws), **args.loss})
    if args.rate:
        explainer.compile(
            keras.optimizers.Adam(args.rate),
            explainer.explainer_loss,
            **vars(explainer.draws),
        )
    show("before", explainer, held_out)
    steps = max(1, args.steps // PARTS)
    explainer.fit(
        batches(images, labels, steps * PARTS, args.seed),
        epochs=PARTS,
        steps_per_epoch=steps,
        verbose=0,
        callbacks=[
            keras.callbacks.LambdaCallback(
                on_epoch_end=lambda epoch, logs: show(
                    f"step {(epoch + 1) * steps}", explainer, held_out
                )
            )
        ],
    )


def show(when, explainer, images):
    found = explainer.explain(images, verify=True)
    likeliest = np.arange(found.scores.shape[1]) == found.scores.argmax(1)[:, None]
    counts = (found.scores >= 0.5) | likeliest
    values = found.masks.mean((1, 2)), found.scores, *found[5:7]
    area, full, kept, removed = (value[counts].mean() for value in values)
    print(
        f"{when}: area {area:.3f}; of {full:.2f} kept {kept:.2f}, left {removed:.2f}",
        flush=True,
    )


def batches(images, labels, steps, seed):
    """Returns a dataset of so many batches, over and over the images in one order."""
    order = np.random.default_rng(seed).permutation(len(images))
    order = np.resize(order, (steps, BATCH_SIZE))
    images = tf.constant(images)
    parts = (images,) if labels is None else (images, tf.constant(labels))
    dataset = tf.data.Dataset.from_tensor_slices(order).repeat()
    return dataset.map(lambda i: tuple(tf.gather(part, i) for part in parts))


def shapes(args):
    explainer = kx.load("shapes")

    def draw(count, seed):
        dataset = kx.datasets.shapes(
            count, seed=seed, preprocess_input=explainer.preprocessing
        )
        return [np.concatenate(part) for part in zip(*dataset.as_numpy_iterator())]

    return explainer, draw(1600, 3_100_000), draw(HELD_OUT, 4_100_000)[0]


def patches(args):
    """The classifier of the tests, of patches of three colours, and its explainer."""
    sys.path.insert(0, str(ROOT / "tests"))
    import trained

    images, labels, _ = trained.patches(640, "sigmoid", seed=7)
    keras.utils.set_random_seed(0)
    explainer = kx.ExplainerModel(trained.train("sigmoid"))
    keras.utils.set_random_seed(0)
    explainer.fit(images[:256], labels[:256], batch_size=32, epochs=10, verbose=0)
    held_out, _, _ = trained.patches(HELD_OUT, "sigmoid", seed=9)
    return explainer, (images, labels), held_out


def imagenet(args):
    explainer = kx.load("imagenet")

    def read(folder, count=None):
        dataset = kx.datasets.image_folder(
            folder, class_names=[], preprocess_input=explainer.preprocessing
        )
        return np.concatenate(list(dataset.as_numpy_iterator()))[:count]

    return explainer, (read(args.photographs), None), read(args.held_out, HELD_OUT)


DATA = {"shapes": shapes, "patches": patches, "imagenet": imagenet}

if __name__ == "__main__":
    main()
