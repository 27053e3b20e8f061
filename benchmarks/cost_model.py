"""Measures time and memory against classes, resolution and batch, and fits a formula.

    python benchmarks/cost_model.py [--quick] [--out runs/cost_model]

Each row is a process of its own: MobileNet 0.25 with random weights, one training step
and one `explain` (3 masks per image) of a batch. The formula, fitted to the rows:

    cost = fixed + images * pixels * (pixel + mask * masks + class * classes)

`masks` is how many are computed: of explain top_k, of a step the classes or 32 if they
are more. `classes` counts at every cell of the classifier's final map (32 pixels wide).
"""

import argparse
import json
import pathlib
import subprocess
import time

import numpy as np
from peak_memory import peak_mebibytes
from peak_memory import run_alone

TOP_K, MASKS_OF_STEP = 3, 32
CLASSES, SIZE, BATCH = 1000, 224, 16
FULL = {
    "classes": (8, 80, 1000, 21_000),
    "pixels": (224, 448, 1024),
    "batch": (1, 4, 16, 64, 256),
}
QUICK = {"classes": (8, 1000), "pixels": (64, 96), "batch": (1, 4)}
# A step beyond it would not fit into the memory of most machines.
MOST_PIXELS_OF_STEP = 64 * 224 * 224


def settings(quick):
    """Returns the rows: (what, classes, pixels a side, batch)."""
    values = QUICK if quick else FULL
    size, batch = (64, 4) if quick else (SIZE, BATCH)
    rows = [(classes, size, batch) for classes in values["classes"]]
    # Fewer images where they are large: the batch has an axis of its own.
    rows += [(CLASSES, pixels, min(batch, 4)) for pixels in values["pixels"]]
    rows += [(CLASSES, size, images) for images in values["batch"]]
    rows = sorted(set(rows))
    steps = [row for row in rows if row[2] * row[1] ** 2 <= MOST_PIXELS_OF_STEP]
    return [("step", *row) for row in steps] + [("explain", *row) for row in rows]


def measure(what, classes, pixels, batch, repeats):
    """Returns the seconds of the fastest call and the peak of the memory in MiB."""
    import keras
    import tensorflow as tf

    import keras_explainer as kx

    shape = (pixels, pixels, 3)
    classifier = keras.applications.MobileNet(
        weights=None, alpha=0.25, classes=classes, input_shape=shape
    )
    explainer = kx.ExplainerModel(classifier)
    random = np.random.default_rng(0)
    images = tf.constant(random.uniform(-1, 1, (batch, *shape)).astype("float32"))
    labels = tf.constant(random.integers(0, classes, batch))
    step = tf.function(explainer.train_step)

    def call():
        if what == "step":
            return step((images, labels))["loss"].numpy()
        explained = explainer.explain(images, top_k=TOP_K, batch_size=batch)
        return explained.target_mask.numpy()

    times = []
    for _ in range(repeats + 1):
        start = time.perf_counter()
        call()
        times.append(time.perf_counter() - start)
    # The fastest: what else the machine does only ever adds.
    return {"seconds": min(times[1:]), "mebibytes": peak_mebibytes()}


def in_own_process(row, repeats):
    try:
        return run_alone(__file__, "--one", *row, "--repeats", repeats)
    except subprocess.CalledProcessError as error:  # Such as out of memory.
        print(f"failed: {row}: {error.stderr[-300:]}", flush=True)
        return None


def features(row):
    """Returns what each coefficient of the formula is multiplied by."""
    what, classes, pixels, batch = row
    area = batch * pixels**2 / 1e6  # megapixels
    masks = TOP_K if what == "explain" else min(classes, MASKS_OF_STEP)
    return [1.0, area, area * masks, area * classes]


def fit(rows, costs):
    """Returns coefficients of at least 0 that fit best, relative to each cost."""
    from scipy.optimize import nnls

    table, costs = np.array([features(row) for row in rows]), np.array(costs)
    if rows[0][0] == "explain":
        table[:, 2] = 0  # Always as many masks: part of what each pixel costs.
    return nnls(table / costs[:, None], np.ones(len(costs)))[0]


def report(results, out):
    out.mkdir(parents=True, exist_ok=True)
    lines = [
        "| | classes | pixels | images | seconds | formula | peak MiB | formula |",
        "|---|---|---|---|---|---|---|---|",
    ]
    formulas = []
    for what in ("step", "explain"):
        rows = [row for row in results if row[0] == what]
        fitted = {}
        for unit in ("seconds", "mebibytes"):
            weights = fit(rows, [results[row][unit] for row in rows])
            fitted[unit] = [float(np.dot(weights, features(row))) for row in rows]
            fixed, pixel, mask, per_class = weights
            formulas.append(
                f"{what}, {unit}: {fixed:.3g} + megapixels * ({pixel:.3g} + {mask:.3g} "
                f"* masks + {per_class:.3g} * classes)"
            )
        for number, row in enumerate(rows):
            cost = results[row]
            seconds, mebibytes = (fitted[unit][number] for unit in cost)
            lines.append(
                f"| {what} | {row[1]:,} | {row[2]} | {row[3]} | {cost['seconds']:.3f} "
                f"| {seconds:.3f} | {cost['mebibytes']:.0f} | {mebibytes:.0f} |"
            )
    text = "\n".join([*formulas, "", *lines]) + "\n"
    (out / "table.md").write_text(text)
    draw(results, out / "cost_model.png")
    print(text)


def draw(results, path):
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    figure, panels = plt.subplots(2, 3, figsize=(10, 5.5), layout="constrained")
    for line, (unit, label) in enumerate(
        (("seconds", "seconds"), ("mebibytes", "peak MiB"))
    ):
        for axis, (column, name) in enumerate(
            ((1, "classes"), (2, "pixels a side"), (3, "images"))
        ):
            panel = panels[line, axis]
            for what in ("step", "explain"):
                rows = along([row for row in results if row[0] == what], column)
                costs = [results[row][unit] for row in rows]
                panel.plot([row[column] for row in rows], costs, "o-", label=what)
            panel.set(xscale="log", xlabel=name, ylim=(0, None))
            values = [row[column] for row in rows]
            panel.set_xticks(values, [f"{value:,}" for value in values], minor=False)
            panel.minorticks_off()
        panels[line, 0].set_ylabel(label)
    panels[0, 0].legend(frameon=False)
    figure.savefig(path, dpi=80)


def along(rows, column):
    """Returns the longest series of rows that differ in one column only."""
    series = {}
    for row in rows:
        rest = row[:column] + row[column + 1 :]
        series.setdefault(rest, []).append(row)
    return sorted(max(series.values(), key=len), key=lambda row: row[column])


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--quick", action="store_true", help="a few small rows")
    parser.add_argument("--repeats", default=10, type=int)
    parser.add_argument("--out", default="runs/cost_model", type=pathlib.Path)
    parser.add_argument("--one", nargs=4, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.one:
        what, *numbers = arguments.one
        print(json.dumps(measure(what, *map(int, numbers), arguments.repeats)))
        return
    results = {}
    for row in settings(arguments.quick):
        cost = in_own_process(row, arguments.repeats)
        if cost:
            results[row] = cost
            print(row, cost, flush=True)
    report(results, arguments.out)


if __name__ == "__main__":
    main()
