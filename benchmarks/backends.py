"""Measures a training step and an explanation on every backend that is installed.

    python benchmarks/backends.py            # MobileNet at 224 x 224, batches of 16
    python benchmarks/backends.py --small    # a tiny classifier

A table in Markdown, of one run on one machine: each backend in a process of its own,
one after the other, the least of three times. Milliseconds of a step of `fit` and of
`explain`, against the classifier's own passes in the same backend (forward f, forward
with the gradient of the input g; no step can do with less than f + 2 g), and seconds
until the first step is over, in which a backend compiles it.
"""

import argparse
import importlib.util
import json
import os
import subprocess
import sys
import time

NAMES = {"tensorflow": "TensorFlow", "jax": "JAX", "torch": "PyTorch"}


def classifier_of(small):
    import keras

    if not small:
        return keras.applications.MobileNet(weights=None, input_shape=(224, 224, 3))
    images = x = keras.Input((32, 32, 3))
    for filters in (4, 8):
        x = keras.layers.Conv2D(filters, 3, 2, "same", activation="relu")(x)
    x = keras.layers.GlobalAveragePooling2D()(x)
    return keras.Model(images, keras.layers.Dense(8, activation="softmax")(x))


def least_seconds(call, repeats=3):
    """Returns the least of the seconds of some calls, after a first one."""
    call()
    found = []
    for _ in range(repeats):
        start = time.perf_counter()
        call()
        found.append(time.perf_counter() - start)
    return min(found)


def passes(classifier, images):
    """Returns a forward pass, and one with the gradient of the input, compiled."""
    from keras import ops

    from keras_explainer import backend

    def answer(images):
        return ops.sum(classifier(images, training=False)), None

    def forward(images):
        return answer(images)[0]

    def slope(images):
        return ops.sum(backend.value_and_slope(answer, images)[2])

    images = ops.convert_to_tensor(images)
    for function in (forward, slope):
        compiled = backend.compiled(function, classifier.variables)
        yield lambda compiled=compiled: float(compiled(images))


def measure(small, batch, steps):
    """Returns the seconds of both passes, a step, `explain`, and of the first step."""
    import numpy as np

    import keras_explainer as kx

    classifier = classifier_of(small)
    random = np.random.default_rng(0)
    shape = (batch * steps, *classifier.input_shape[1:])
    images = random.uniform(0, 1, shape).astype("float32")
    labels = random.integers(0, classifier.output_shape[-1], len(images))
    explainer = kx.ExplainerModel(classifier, preprocess_input="0..1")
    times = [least_seconds(each) for each in passes(classifier, images[:batch])]

    def fit(count=steps):
        part = slice(0, batch * count)
        explainer.fit(images[part], labels[part], batch_size=batch, verbose=0)

    start = time.perf_counter()
    fit(1)
    first = time.perf_counter() - start
    times.append(least_seconds(fit) / steps)
    times.append(least_seconds(lambda: explainer.explain(images[:batch], top_k=1)))
    return [*times, first]


def row(name, options):
    """Returns a line of the table, measured in a process of its own."""
    command = [sys.executable, __file__, "--measure", *options]
    environment = {**os.environ, "KERAS_BACKEND": name, "TF_CPP_MIN_LOG_LEVEL": "3"}
    done = subprocess.run(
        command, env=environment, stdout=subprocess.PIPE, text=True, check=True
    )
    forward, slope, step, explain, first = json.loads(done.stdout.splitlines()[-1])
    floor = forward + 2 * slope
    numbers = [f"{1e3 * x:.0f}" for x in (forward, slope, step, explain)]
    ratios = [f"{step / floor:.2f}", f"{explain / forward:.2f}"]
    return [NAMES[name], *numbers, *ratios, f"{first:.0f}"]


def main(arguments=None):
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--batch", default=16, type=int)
    parser.add_argument("--steps", default=4, type=int)
    parser.add_argument("--small", action="store_true", help="a tiny classifier")
    parser.add_argument("--measure", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    if options.measure:
        print(json.dumps(measure(options.small, options.batch, options.steps)))
        return
    given = ["--batch", str(options.batch), "--steps", str(options.steps)]
    given += ["--small"] * options.small
    columns = ["ms", "f", "g", "step", "explain"]
    columns += ["step / (f + 2 g)", "explain / f", "first step, s"]
    print("| " + " | ".join(columns) + " |\n|" + "---|" * len(columns))
    for name in NAMES:
        if importlib.util.find_spec(name):
            print("| " + " | ".join(row(name, given)) + " |", flush=True)


if __name__ == "__main__":
    main()
