"""Runs all that the package does on the GPU that is there, and prints what it costs.

    python benchmarks/gpu.py            # MobileNet at 224 x 224, batches of 32
    python benchmarks/gpu.py --small    # a tiny classifier, as on a CPU

A table in Markdown: the milliseconds of each row, against those of the classifier's own
passes (forward f, forward with the gradient of the input g; no step of a training can
do with less than f + 2 g), and the peak of the GPU's memory. What fails is a row too.
"""

import argparse
import math
import pathlib
import tempfile
import time

import keras
import numpy as np
import tensorflow as tf
from seconds_of_each import seconds_of_each
from step_cost import compiled_passes

import keras_explainer as kx
from keras_explainer import attribution

KINDS = {
    "ExplainerModel": kx.ExplainerModel,
    "DiscreteMaskExplainer": kx.DiscreteMaskExplainer,
    "RealTimeSaliencyExplainer": kx.RealTimeSaliencyExplainer,
    "L2XExplainer": kx.L2XExplainer,
    "BoundedLogitAttentionExplainer": kx.BoundedLogitAttentionExplainer,
}
# Name: the options for `--small`.
METHODS = {
    "GradCAM": {},
    "GuidedBackprop": {},
    "IntegratedGradients": {"steps": 2},
    "SmoothGrad": {"samples": 2},
    "RISE": {"num_masks": 4},
    "ExtremalPerturbation": {"steps": 2},
    "IGOSPlusPlus": {"iterations": 2},
}
OF_ONE_IMAGE = ("RISE", "ExtremalPerturbation", "IGOSPlusPlus")  # They take minutes.
SETTINGS = ("default", "jit_compile=True", "mixed_float16")


def tiny_classifier():
    images = x = keras.Input((32, 32, 3))
    for filters in (4, 8):
        x = keras.layers.Conv2D(filters, 3, 2, "same", activation="relu")(x)
    x = keras.layers.GlobalAveragePooling2D()(x)
    return keras.Model(images, keras.layers.Dense(8, activation="softmax")(x))


def mobilenet():
    return keras.applications.MobileNet(weights=None, input_shape=(224, 224, 3))


def peak_of(run):
    """Runs a function; returns the peak of the GPU's memory in MiB, or NaN."""
    if not tf.config.list_physical_devices("GPU"):
        run()
        return math.nan
    tf.config.experimental.reset_memory_stats("GPU:0")
    run()
    return tf.config.experimental.get_memory_info("GPU:0")["peak"] / 2**20


def fit(make, setting, data, steps):
    """Returns the seconds of a step of `fit`, once it is compiled, and the peak."""
    explainer = make()
    explainer.compile(jit_compile=setting == "jit_compile=True")
    explainer.fit(data.take(2), verbose=0)
    start = time.perf_counter()
    peak = peak_of(lambda: explainer.fit(data.take(steps), verbose=0))
    return (time.perf_counter() - start) / steps, peak


def once(run):
    """Returns the seconds and the peak of a second call of a function."""
    run()
    start = time.perf_counter()
    peak = peak_of(run)
    return time.perf_counter() - start, peak


class Table:
    """Prints a row as soon as it is measured."""

    def __init__(self, forward, gradient):
        self.forward, self.floor = forward, forward + 2 * gradient
        print("| | ms | / f | / (f + 2 g) | peak MiB |\n|---|---|---|---|---|")
        self.row("the classifier: f", lambda: (forward, math.nan))
        self.row("the classifier: g", lambda: (gradient, math.nan))

    def row(self, name, measure):
        try:
            seconds, peak = measure()
        except Exception as error:  # Whatever it is: it is what this row tells.
            told = " ".join(str(error).split())[:160].replace("|", "/")
            print(f"| {name} | failed: {type(error).__name__}: {told} | | | |")
            return
        peak = "" if math.isnan(peak) else f"{peak:.0f}"
        print(
            f"| {name} | {1e3 * seconds:.1f} | {seconds / self.forward:.2f} "
            f"| {seconds / self.floor:.2f} | {peak} |",
            flush=True,
        )


def main(arguments=None):
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--batch", default=32, type=int)
    parser.add_argument("--steps", default=30, type=int)
    parser.add_argument("--small", action="store_true", help="a tiny classifier")
    options = parser.parse_args(arguments)
    make_classifier, batch, steps = mobilenet, options.batch, options.steps
    if options.small:
        make_classifier, batch, steps = tiny_classifier, 4, 2

    classifier = make_classifier()
    random = np.random.default_rng(0)
    shape = (batch, *classifier.input_shape[1:])
    images = tf.constant(random.uniform(0, 1, shape), "float32")
    labels = tf.constant(random.integers(0, classifier.output_shape[-1], batch))
    data = tf.data.Dataset.from_tensors((images, labels)).repeat(max(2, steps))
    devices = [device.name for device in tf.config.list_physical_devices()]
    print(f"TensorFlow {tf.__version__}, Keras {keras.__version__}, {devices}\n")
    forward, gradient = compiled_passes(classifier)
    passes = [lambda: forward(images).numpy(), lambda: gradient(images).numpy()]
    table = Table(*seconds_of_each(passes, 2 if options.small else 20))

    for setting in SETTINGS:
        policy = keras.config.dtype_policy()
        try:
            if setting == "mixed_float16":
                keras.config.set_dtype_policy(setting)
            for name, kind in KINDS.items():

                def make(kind=kind):
                    return kind(make_classifier(), preprocess_input="0..1")

                table.row(
                    f"{name}: a step, {setting}",
                    lambda make=make, setting=setting: fit(make, setting, data, steps),
                )
        finally:
            keras.config.set_dtype_policy(policy)
    for name, kind in KINDS.items():
        explainer = kind(classifier, preprocess_input="0..1")
        table.row(
            f"{name}: explain",
            lambda explainer=explainer: once(lambda: explainer.explain(images)),
        )
    for name, small in METHODS.items():
        count = 1 if name in OF_ONE_IMAGE else batch

        def explain(name=name, small=small, count=count):
            method = getattr(attribution, name)
            method = method(classifier, **(small if options.small else {}))
            return method.explain(images[:count], labels[:count])

        what = f"{name}: explain{' one image' * (count == 1)}"
        table.row(what, lambda explain=explain: once(explain))
    explainer = kx.ExplainerModel(classifier, preprocess_input="0..1")
    with tempfile.TemporaryDirectory() as folder:
        counter = iter("12")
        table.row(
            "ExplainerModel: export",
            lambda: once(
                lambda: explainer.export(pathlib.Path(folder) / next(counter))
            ),
        )


if __name__ == "__main__":
    main()
