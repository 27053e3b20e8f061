"""Measures what a training step and an explanation cost beside the classifier's.

    python benchmarks/step_cost.py

In one process, on the same batch, at 224x224: one training step against the passes
that no such training can do without, (forward + 2 x (forward + input gradient));
`explain` against `classifier.predict`; a 1000-class step against an 8-class one.
"""

import argparse
import statistics
import time

import keras
import numpy as np
import tensorflow as tf

import keras_explainer as kx


def seconds(function, repeats):
    """Returns the median time of a call, after two calls to warm up."""
    function(), function()
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        function()
        times.append(time.perf_counter() - start)
    return statistics.median(times)


def classifier_passes(classifier, images):
    """The floor: forward + 2 x (forward + input gradient), compiled."""

    @tf.function
    def forward(x):
        return tf.reduce_sum(classifier(x, training=False))

    @tf.function
    def forward_and_gradient(x):
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(x)
            score = tf.reduce_sum(classifier(x, training=False))
        return tf.reduce_sum(tape.gradient(score, x))

    x = tf.constant(images)

    def run():
        forward(x).numpy()
        forward_and_gradient(x).numpy()
        forward_and_gradient(x).numpy()

    return run


def measure(name, classifier, batch, repeats, multi_label="auto"):
    classes = classifier.output_shape[-1]
    random = np.random.default_rng(0)
    images = random.uniform(-1, 1, (batch, 224, 224, 3)).astype("float32")
    labels = random.integers(0, classes, batch)
    explainer = kx.ExplainerModel(classifier, multi_label=multi_label)
    data = (tf.constant(images), tf.constant(labels))
    step = tf.function(explainer.train_step)
    explainer.optimizer.build(explainer.trainable_variables)
    step_time = seconds(lambda: step(data)["loss"].numpy(), repeats)
    floor_time = seconds(classifier_passes(classifier, images), repeats)
    explain_time = seconds(lambda: explainer.explain(images, top_k=1), repeats)
    predict_time = seconds(lambda: classifier.predict(images, verbose=0), repeats)
    print(
        f"{name:28}{1e3 * step_time:9.0f}{1e3 * floor_time:9.0f}"
        f"{step_time / floor_time:8.2f}{1e3 * explain_time:10.0f}"
        f"{1e3 * predict_time:9.0f}{explain_time / predict_time:8.2f}",
        flush=True,
    )
    return step_time


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--batch", default=16, type=int)
    parser.add_argument("--repeats", default=7, type=int)
    arguments = parser.parse_args()
    print(f"{'milliseconds':28}{'step':>9}{'floor':>9}{'ratio':>8}", end="")
    print(f"{'explain':>10}{'predict':>9}{'ratio':>8}")
    applications = keras.applications
    options = {"weights": None, "input_shape": (224, 224, 3)}
    times = {}
    for name, build in {
        "MobileNet 1.0": lambda: applications.MobileNet(**options),
        "ResNet50": lambda: applications.ResNet50(**options),
        "MobileNet 0.25, 8 classes": lambda: applications.MobileNet(
            alpha=0.25, classes=8, **options
        ),
        "MobileNet 0.25, 1000 classes": lambda: applications.MobileNet(
            alpha=0.25, **options
        ),
    }.items():
        times[name] = measure(name, build(), arguments.batch, arguments.repeats)
        keras.backend.clear_session()
    few, many = list(times.values())[-2:]
    print(f"a step with 1000 classes costs {many / few:.2f} times one with 8")


if __name__ == "__main__":
    main()
