"""Measures what attribution methods cost beside the classifier's own passes.

    python benchmarks/attribution_cost.py

In one process, on MobileNet at 224x224: Grad-CAM of a batch against one forward and
one backward pass to the input; RISE of an image against its masked passes alone;
and the seconds that Extremal Perturbation takes for an image.
"""

import argparse
import time
import warnings

import keras
import numpy as np
import tensorflow as tf
from seconds_of_each import seconds_of_each

from keras_explainer.attribution import RISE
from keras_explainer.attribution import ExtremalPerturbation
from keras_explainer.attribution import GradCAM


def forward_and_backward(classifier, images):
    @tf.function
    def gradient(images):
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(images)
            score = tf.reduce_sum(classifier(images, training=False)[:, 0])
        return tape.gradient(score, images)

    images = tf.constant(images)
    return lambda: gradient(images).numpy()


def passes(classifier, images, count):
    forward = tf.function(lambda images: classifier(images, training=False))
    images = tf.constant(images)
    return lambda: [forward(images).numpy() for _ in range(count)]


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--batch", default=8, type=int)
    parser.add_argument("--repeats", default=5, type=int)
    parser.add_argument("--masks", default=160, type=int)
    parser.add_argument("--steps", default=800, type=int)
    arguments = parser.parse_args()
    # Of random weights nothing depends on the image.
    warnings.filterwarnings("ignore", message=".*empty or constant map")
    batch = arguments.batch
    classifier = keras.applications.MobileNet(weights=None)
    random = np.random.default_rng(0)
    images = random.uniform(-1, 1, (batch, 224, 224, 3)).astype("float32")

    method = GradCAM(classifier)
    for targets in (0, None):
        found, floor = seconds_of_each(
            [
                lambda targets=targets: method.explain(images, targets),
                forward_and_backward(classifier, images),
            ],
            arguments.repeats,
        )
        print(
            f"Grad-CAM, batch {batch}, targets={targets}: {1e3 * found:.0f} ms; "
            f"forward and backward {1e3 * floor:.0f} ms; ratio {found / floor:.2f}",
            flush=True,
        )

    method = RISE(classifier, num_masks=arguments.masks)
    found, floor = seconds_of_each(
        [
            lambda: method.explain(images[:1], 0, batch_size=batch),
            passes(classifier, images, arguments.masks // batch),
        ],
        arguments.repeats,
    )
    print(
        f"RISE, {arguments.masks} masks in batches of {batch}: {found:.2f} s; their "
        f"passes alone {floor:.2f} s; ratio {found / floor:.2f}",
        flush=True,
    )

    # One step first, to compile.
    method = ExtremalPerturbation(classifier, steps=1)
    method.explain(images[:1], 0)
    method.steps = arguments.steps
    start = time.perf_counter()
    method.explain(images[:1], 0)
    print(
        f"Extremal Perturbation, {arguments.steps} steps, {len(method.areas)} areas: "
        f"{time.perf_counter() - start:.0f} s per image"
    )


if __name__ == "__main__":
    main()
