"""Measures insertion and deletion of a batch against loops over images and steps.

    python benchmarks/insertion_deletion_speed.py

One compiled call for the whole batch, against three per-image Python loops that
mask in NumPy and ask the classifier once per step: with `classifier.predict`, with
`classifier(x, training=False)`, and with the classifier compiled beforehand. Every
way computes the same two curves, which is checked; throughput is in pictures
(images x steps x 2 curves) per second, so that the loops may run on fewer images.
The share of bare classifier passes says what is left to gain.
"""

import argparse
import time

import keras
import numpy as np
import tensorflow as tf

from keras_explainer.image_operations.gaussian_blur import reflecting_gaussian_blur
from keras_explainer.metrics import insertion_deletion


def python_loop(ask, images, maps, targets, shares):
    """Returns the deletion and insertion curves, one classifier call per step."""
    curves = np.zeros((2, len(images), len(shares)))
    for i, (image, values) in enumerate(zip(images, maps)):
        order = np.argsort(-values.ravel(), kind="stable")
        blurred = reflecting_gaussian_blur(tf.constant(image[None]), 5.0).numpy()[0]
        for step, share in enumerate(shares):
            gone = np.zeros(values.size, bool)
            gone[order[: round(share * values.size)]] = True
            gone = gone.reshape(*values.shape, 1)
            for curve, picture in enumerate(
                (np.where(gone, 0.0, image), np.where(gone, image, blurred))
            ):
                curves[curve, i, step] = ask(picture[None])[0, targets[i]]
    return curves


def timed(function):
    """Returns the seconds a call takes, and its result."""
    start = time.perf_counter()
    result = function()
    return time.perf_counter() - start, result


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--images", default=4, type=int)
    parser.add_argument("--loop-images", default=1, type=int)
    parser.add_argument("--step-share", default=0.05, type=float)
    parser.add_argument("--batch", default=32, type=int)
    parser.add_argument("--rounds", default=3, type=int)
    arguments = parser.parse_args()
    random = np.random.default_rng(0)
    images = random.uniform(-1, 1, (arguments.images, 224, 224, 3)).astype("float32")
    maps = random.uniform(size=images.shape[:3]).astype("float32")
    targets = random.integers(0, 1000, len(images))
    classifier = keras.applications.MobileNet(weights=None)

    def compiled_batch():
        return insertion_deletion(
            classifier,
            images,
            maps,
            targets,
            arguments.step_share,
            deletion_background=0.0,
            batch_size=arguments.batch,
        )

    compiled = tf.function(lambda x: classifier(x, training=False))
    chunk = tf.constant(np.resize(images, (arguments.batch, 224, 224, 3)))
    compiled(chunk)
    asks = {
        "loop, classifier.predict(x)": lambda x: classifier.predict(x, verbose=0),
        "loop, classifier(x, training=False)": lambda x: np.asarray(
            classifier(x, training=False)
        ),
        "loop, classifier compiled beforehand": lambda x: compiled(
            tf.constant(x, "float32")
        ).numpy(),
    }
    for ask in asks.values():
        ask(images[:1])
    first_time, result = timed(compiled_batch)
    shares, some = result["shares"], slice(arguments.loop_images)

    # Round after round, the best of each: the machine has other things to do.
    ours, bare, loops = "one compiled call for the batch", "bare classifier passes", {}
    rates = dict.fromkeys((ours, bare, *asks), 0.0)
    for _ in range(arguments.rounds):
        taken, _ = timed(compiled_batch)
        rates[ours] = max(rates[ours], 2 * len(images) * len(shares) / taken)
        taken, _ = timed(lambda: compiled(chunk).numpy())
        rates[bare] = max(rates[bare], len(chunk) / taken)
        for name, ask in asks.items():
            taken, loops[name] = timed(
                lambda ask=ask: python_loop(
                    ask, images[some], maps[some], targets, shares
                )
            )
            rates[name] = max(rates[name], loops[name].size / taken)
    for curves in loops.values():
        for curve, key in zip(curves, ("deletion", "insertion")):
            np.testing.assert_allclose(curve, result[key][some], atol=1e-5)
    print(f"{'pictures per second':40}{'':>8}{'ours / it':>12}")
    for name, rate in rates.items():
        print(f"{name:40}{rate:8.1f}{rates[ours] / rate:12.2f}")
    print(f"first call, tracing included: {first_time:.1f} s")


if __name__ == "__main__":
    main()
