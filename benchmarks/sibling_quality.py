"""Trains every kind of explainer on drawn shapes, each for the same CPU time.

    python benchmarks/sibling_quality.py --minutes 5

Prints IoU of the aggregated target masks at the fixed threshold 0.5 and at the best
one, beside Grad-CAM; the class-specificity gap in points; what `evaluate` says on the
held-out pictures; and the variance of the policy gradient with and without what reduces
it, beside the published surrogate's and how far that is from the gradient.
"""

import argparse
import pathlib
import time
import warnings

import keras
import numpy as np
import tensorflow as tf

import keras_explainer as kx
from keras_explainer.attribution import GradCAM
from keras_explainer.evaluation import mask_quality
from keras_explainer.metrics import ClassSpecificity

CLASSIFIER = pathlib.Path(__file__).parents[1] / "saved_models/shapes_classifier.keras"
CLASSES = kx.datasets.SHAPES_CLASSES
TRAIN_SEED, HELD_OUT_SEED = 3_000_000, 4_000_000


def real_time_saliency_published(classifier):
    explainer = kx.RealTimeSaliency(classifier, evidence=False)
    explainer.compile(loss=kx.losses.RealTimeSaliencyLoss.published())
    return explainer


SYSTEMS = {
    "explainer": lambda c: kx.ExplainerModel(c),
    "discrete masks": lambda c: kx.DiscreteMaskExplainer(c),
    "discrete masks, published": lambda c: kx.DiscreteMaskExplainer(
        c, estimator="published", threshold=0.35
    ),
    "real-time saliency": lambda c: kx.RealTimeSaliency(c),
    "real-time saliency, published": real_time_saliency_published,
    "L2X": lambda c: kx.L2X(c),
    "BLA-PH": lambda c: kx.BoundedLogitAttention(c, "bla-ph"),
    "BLA-T": lambda c: kx.BoundedLogitAttention(c, "bla-t"),
    "BLA": lambda c: kx.BoundedLogitAttention(c, "bla"),
    "L2X-F": lambda c: kx.BoundedLogitAttention(c, "l2x-f"),
}


class CpuBudget(keras.callbacks.Callback):
    """Stops training after CPU seconds."""

    def __init__(self, seconds):
        super().__init__()
        self.seconds = seconds

    def on_train_begin(self, logs=None):
        self.start, self.steps = time.process_time(), 0

    def on_train_batch_end(self, batch, logs=None):
        self.steps += 1
        if time.process_time() - self.start > self.seconds:
            self.model.stop_training = True


def target_masks(explainer):
    return lambda images, target: explainer.explain(images, target).masks[..., 0]


def grad_cam_masks(classifier):
    method = GradCAM(classifier)

    def explain(images, target):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Empty maps count as such.
            return method.explain(images, target)

    return explain


def print_specificity(classifier, explainer, held_out):
    metric = ClassSpecificity(classifier)
    for images, labels, _ in held_out:
        every_class = np.ones((len(images), len(CLASSES)))
        metric.update_state(
            images, explainer.explain(images, every_class).masks, labels
        )
    print(f"{100 * metric.result()['gap']:9.1f}", end="", flush=True)


def print_quality(name, masks_for, held_out):
    found = mask_quality(masks_for, held_out, len(CLASSES))
    print(
        f"{name:28}{found['iou_at_half']:9.3f}{found['best_iou']:9.3f}"
        f"{found['class_iou_at_half']:12.3f}",
        end="",
        flush=True,
    )


def gradient_variance(explainer, images, labels, draws):
    """Returns the mean of a step's gradient over draws, its square and its variance.

    The gradient is that of the cost with respect to all trained variables; the
    images stay the same, so that only the drawn masks differ.
    """
    variables = [v.value for v in explainer.trainable_variables]
    read = explainer.frozen(images)

    @tf.function
    def gradient():
        with tf.GradientTape() as tape:
            terms, _ = explainer.step_terms(images, read, labels, training=True)
            loss = tf.reduce_mean(sum(terms.values()))
        found = tape.gradient(loss, variables, unconnected_gradients="zero")
        return tf.concat([tf.reshape(g, (-1,)) for g in found], axis=0)

    # One label per image: the drawn label must not add to the variance.
    total = squared = 0.0
    for step in range(draws):
        explainer.optimizer.iterations.assign(step)
        one = gradient().numpy().astype("float64")
        total, squared = total + one, squared + one**2
    mean = total / draws
    variance = (squared / draws - mean**2).sum() * draws / (draws - 1)
    # The mean of some draws has a share of their variance in its own square.
    return mean, max(float(mean @ mean - variance / draws), 1e-30), variance


def print_variances(classifier, draws):
    images, labels = next(iter(dataset(16, TRAIN_SEED + 1)))
    labels = tf.one_hot(tf.argmax(labels, axis=1), len(CLASSES))
    variants = {
        "leave one out (default)": {},
        "leave one out, slopes": {"slopes": True},
        "greedy baseline": {"baseline": "greedy"},
        "two masks, no baseline": {"baseline": None},
        "one mask, no baseline": {"samples": 1, "baseline": None},
        "published surrogate": {"estimator": "published"},
    }
    heads = ("variance", "of mean squared", "cosine")
    print(f"\n{'gradient of one step':26}" + "".join(f"{h:>17}" for h in heads))
    exact = None
    for name, options in variants.items():
        keras.utils.set_random_seed(0)
        explainer = kx.DiscreteMaskExplainer(classifier, **options)
        found = gradient_variance(explainer, images, labels, draws)
        exact = exact or found
        # Of the mean gradient with that of the first, which has no bias.
        cosine = 1.0
        if found is not exact:
            cosine = found[0] @ exact[0] / np.sqrt(found[1] * exact[1])
        figures = (found[2], found[2] / found[1], cosine)
        print(f"{name:26}" + "".join(f"{f:17.4g}" for f in figures), flush=True)


def dataset(batch_size, seed, count=None, **options):
    return kx.datasets.shapes(
        count,
        batch_size=batch_size,
        seed=seed,
        preprocess_input=keras.applications.mobilenet.preprocess_input,
        **options,
    )


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--minutes", default=5.0, type=float, help="CPU, each")
    parser.add_argument("--images", default=96, type=int, help="held out")
    parser.add_argument("--draws", default=100, type=int, help="for the variances")
    parser.add_argument("--systems", default=",".join(SYSTEMS), help="with commas")
    arguments = parser.parse_args()
    classifier = keras.saving.load_model(CLASSIFIER, compile=False)
    held_out = list(
        dataset(32, HELD_OUT_SEED, arguments.images, masks=True).as_numpy_iterator()
    )
    print(f"{'':28}{'IoU@0.5':>9}{'best IoU':>9}{'class IoU':>12}{'gap':>9}")
    print_quality("all ones", lambda x, _: np.ones(x.shape[:3]), held_out)
    print()
    print_quality("Grad-CAM", grad_cam_masks(classifier), held_out)
    print()
    pictures = dataset(32, TRAIN_SEED)
    for name in filter(None, arguments.systems.split(",")):
        keras.utils.set_random_seed(0)
        explainer = SYSTEMS[name](classifier)
        budget = CpuBudget(60 * arguments.minutes)
        explainer.fit(pictures, callbacks=[budget], verbose=0)
        print_quality(name, target_masks(explainer), held_out)
        print_specificity(classifier, explainer, held_out[:1])
        images, labels, _ = (np.concatenate(part) for part in zip(*held_out))
        figures = explainer.evaluate(images, labels, verbose=0, return_dict=True)
        shown = {k: round(figures[k], 3) for k in sorted(figures)}
        print(f"  {budget.steps} steps {shown}", flush=True)
    if arguments.draws > 1:
        print_variances(classifier, arguments.draws)


if __name__ == "__main__":
    main()
