"""Measures what a training step and an explanation cost beside the classifier's.

    python benchmarks/step_cost.py

In one process, on the same batch, at 224x224: one training step against the passes
that no such training can do without, (forward + 2 x (forward + input gradient));
`explain` against `classifier.predict`; a 1000-class step against an 8-class one. Then,
each in a process of its own, the peak of the memory of a step against that of a forward
pass with the gradient of the input, and how far both are above what they began with.
"""

import argparse

import keras
import numpy as np
import tensorflow as tf
from peak_memory import peak_mebibytes
from peak_memory import run_alone
from seconds_of_each import seconds_of_each

import keras_explainer as kx


def compiled_passes(classifier):
    """Returns a forward pass, and one with the gradient of the input, compiled."""

    @tf.function
    def forward(x):
        return tf.reduce_sum(classifier(x, training=False))

    @tf.function
    def forward_and_gradient(x):
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(x)
            score = tf.reduce_sum(classifier(x, training=False))
        return tf.reduce_sum(tape.gradient(score, x))

    return forward, forward_and_gradient


def random_batch(classifier, batch):
    random = np.random.default_rng(0)
    images = random.uniform(-1, 1, (batch, 224, 224, 3)).astype("float32")
    return images, random.integers(0, classifier.output_shape[-1], batch)


def training_step(classifier, images, labels):
    explainer = kx.ExplainerModel(classifier)
    data = (tf.constant(images), tf.constant(labels))
    step = tf.function(explainer.train_step)
    return explainer, lambda: step(data)["loss"].numpy()


def print_growth(name, what, batch):
    """Prints by how many MiB the peak of this process grows, and the peak."""
    classifier = CLASSIFIERS[name]()
    images, labels = random_batch(classifier, batch)
    if what == "step":
        _, call = training_step(classifier, images, labels)
    else:
        _, gradient = compiled_passes(classifier)
        x = tf.constant(images)

        def call():
            gradient(x).numpy()

    before = peak_mebibytes()
    for _ in range(3):
        call()
    print([peak_mebibytes() - before, peak_mebibytes()])


def measure(name, classifier, batch, repeats):
    images, labels = random_batch(classifier, batch)
    explainer, step = training_step(classifier, images, labels)
    forward, gradient = compiled_passes(classifier)
    x = tf.constant(images)

    def floor():
        forward(x).numpy(), gradient(x).numpy(), gradient(x).numpy()

    def explain():
        explainer.explain(images, top_k=1)

    def predict():
        classifier.predict(images, verbose=0)

    step_time, floor_time = seconds_of_each([step, floor], repeats)
    explain_time, predict_time = seconds_of_each([explain, predict], repeats)
    print(
        f"{name:28}{1e3 * step_time:9.0f}{1e3 * floor_time:9.0f}"
        f"{step_time / floor_time:8.2f}{1e3 * explain_time:10.0f}"
        f"{1e3 * predict_time:9.0f}{explain_time / predict_time:8.2f}",
        flush=True,
    )
    return step_time


_OPTIONS = {"weights": None, "input_shape": (224, 224, 3)}
CLASSIFIERS = {
    "MobileNet 1.0": lambda: keras.applications.MobileNet(**_OPTIONS),
    "ResNet50": lambda: keras.applications.ResNet50(**_OPTIONS),
    "VGG16": lambda: keras.applications.VGG16(**_OPTIONS),
    "MobileNet 0.25, 8 classes": lambda: keras.applications.MobileNet(
        alpha=0.25, classes=8, **_OPTIONS
    ),
    "MobileNet 0.25, 1000 classes": lambda: keras.applications.MobileNet(
        alpha=0.25, **_OPTIONS
    ),
}


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--batch", default=16, type=int)
    parser.add_argument("--repeats", default=7, type=int)
    parser.add_argument("--only", choices=[*CLASSIFIERS], help="one classifier")
    parser.add_argument("--grow", nargs=2, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.grow:
        return print_growth(*arguments.grow, arguments.batch)
    print(f"{'milliseconds':28}{'step':>9}{'floor':>9}{'ratio':>8}", end="")
    print(f"{'explain':>10}{'predict':>9}{'ratio':>8}")
    names = [arguments.only] if arguments.only else list(CLASSIFIERS)
    times = []
    for name in names:
        classifier = CLASSIFIERS[name]()
        times.append(measure(name, classifier, arguments.batch, arguments.repeats))
        keras.backend.clear_session()
    if not arguments.only:
        few, many = times[-2:]
        print(f"a step with 1000 classes costs {many / few:.2f} times one with 8")

    columns = ("step grows", "gradient", "ratio", "step peak", "gradient", "ratio")
    print(f"\n{'MiB':28}" + "".join(f"{column:>12}" for column in columns))
    for name in names[:3]:
        (step, step_peak), (passes, passes_peak) = (
            run_alone(__file__, "--grow", name, what, "--batch", arguments.batch)
            for what in ("step", "gradient")
        )
        print(
            f"{name:28}{step:12.0f}{passes:12.0f}{step / passes:12.2f}"
            f"{step_peak:12.0f}{passes_peak:12.0f}{step_peak / passes_peak:12.2f}",
            flush=True,
        )


if __name__ == "__main__":
    main()
