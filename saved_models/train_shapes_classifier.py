"""Trains the small shapes classifier that is shipped with the project.

    python saved_models/train_shapes_classifier.py

The classifier is MobileNet at a quarter of its width with one sigmoid per shape,
trained from scratch on `keras_explainer.datasets.shapes`.
"""

import argparse
import hashlib
import pathlib
import sys
import time

import keras
import numpy as np
import tensorflow as tf

FOLDER = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(FOLDER.parent))

from make_portable import make_portable  # noqa: E402

from keras_explainer.datasets import SHAPES_CLASSES  # noqa: E402
from keras_explainer.datasets import shapes  # noqa: E402

# From scratch, several shapes in clutter are hardly learnt at all, so that training
# starts with one shape that fills the view: (share of the steps, learning rate, side
# of the view in pixels, least and most objects in a picture).
STAGES = [
    (0.3, 7e-3, 64, (1, 1)),
    (0.15, 4e-3, 128, (1, 2)),
    (0.55, 4e-3, 128, (2, 4)),
]
# Far from the seeds that people use, so that their pictures are new to it.
TRAINING_SEED = 1_000_000
HELD_OUT_SEED = 2_000_000


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--out", default=str(FOLDER / "shapes_classifier.keras"))
    parser.add_argument("--steps", type=int, default=7000)
    parser.add_argument("--batch-size", type=int, default=32)
    parser.add_argument("--examples", type=int, default=10000, help="per stage")
    parser.add_argument("--held-out", type=int, default=2000, help="test pictures")
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()

    start = time.time()
    keras.utils.set_random_seed(args.seed)
    weights = train(args)
    classifier = build_classifier(128)  # anew, without the state of an optimizer
    classifier.set_weights(weights)
    classifier.save(args.out)
    make_portable(args.out)
    print(f"Trained in {time.time() - start:.0f} s")
    report(args.out, args.held_out)


def build_classifier(size):
    return keras.applications.MobileNet(
        input_shape=(size, size, 3),
        alpha=0.25,
        dropout=0.01,
        weights=None,
        classes=len(SHAPES_CLASSES),
        classifier_activation="sigmoid",
        name="shapes_classifier",
    )


def train(args):
    weights = None
    for stage, (share, learning_rate, size, objects) in enumerate(STAGES):
        classifier = build_classifier(size)
        if weights is not None:
            classifier.set_weights(weights)
        steps = round(share * args.steps)
        schedule = keras.optimizers.schedules.CosineDecay(learning_rate, steps)
        optimizer = keras.optimizers.Adam(schedule)
        # XLA, which Keras would choose, is several times slower on a CPU.
        classifier.compile(optimizer, "binary_crossentropy", jit_compile=False)
        print(f"{steps} steps of {size} x {size} pixels, objects: {objects}")
        data_seed = TRAINING_SEED + len(STAGES) * args.seed + stage
        classifier.fit(
            training_views(size, objects, data_seed, args),
            steps_per_epoch=steps // 5,
            epochs=5,
            shuffle=False,
            verbose=2,
        )
        weights = classifier.get_weights()
    return weights


def training_views(size, objects, seed, args):
    """Endless batches, turned and mirrored at random, of a fixed set of pictures."""
    pictures = shapes(
        args.examples, batch_size=None, objects=objects, seed=seed, masks=True
    )

    def view(image, labels, mask):
        rows, columns = tf.unstack(tf.cast(tf.where(mask > 0), tf.float32), axis=1)
        image = tf.image.crop_to_bounding_box(
            image, crop_start(rows, size), crop_start(columns, size), size, size
        )
        image = tf.image.rot90(image, tf.random.uniform((), 0, 4, tf.int32))
        image = tf.image.random_flip_left_right(image)
        return keras.applications.mobilenet.preprocess_input(image), labels

    return pictures.map(view).repeat().batch(args.batch_size).prefetch(2)


def crop_start(positions, size, whole=128):
    """Where to start a crop that shows the objects at these positions."""
    middle = (tf.reduce_min(positions) + tf.reduce_max(positions)) / 2
    return tf.clip_by_value(tf.cast(middle, tf.int32) - size // 2, 0, whole - size)


def report(path, num_examples):
    """Scores the saved file on pictures that it was not trained on."""
    classifier = keras.saving.load_model(path)
    pictures = shapes(
        num_examples,
        seed=HELD_OUT_SEED,
        preprocess_input=keras.applications.mobilenet.preprocess_input,
    )
    labels = np.concatenate([labels for _, labels in pictures])
    scores = classifier.predict(pictures, verbose=0)
    right = (scores > 0.5) == labels
    precisions = [average_precision(*pair) for pair in zip(labels.T, scores.T)]
    print(f"{num_examples} held-out pictures, seed {HELD_OUT_SEED}")
    print("class       average precision  accuracy")
    for name, precision, accuracy in zip(SHAPES_CLASSES, precisions, right.mean(0)):
        print(f"{name:10}  {precision:17.4f}  {accuracy:8.4f}")
    print(f"{'mean':10}  {np.mean(precisions):17.4f}  {right.mean():8.4f}")
    print(f"pictures with all labels right: {right.all(1).mean():.4f}")
    contents = pathlib.Path(path).read_bytes()
    print(f"{path}: {len(contents)} bytes")
    print(f"sha256 {hashlib.sha256(contents).hexdigest()}")


def average_precision(labels, scores):
    """The mean, over the positives, of the precision at the rank of each."""
    ranked = labels[np.argsort(-scores, kind="stable")]
    precision = np.cumsum(ranked) / np.arange(1, len(ranked) + 1)
    return np.sum(precision * ranked) / np.sum(ranked)


if __name__ == "__main__":
    main()
