"""Trains every kind of explainer on the same pictures, each for the same CPU time.

    python benchmarks/sibling_quality.py --minutes 10
    python benchmarks/sibling_quality.py --minutes 10 --data ../shared/data

The pictures are drawn shapes, or VOC photographs of --data. Prints a row for Grad-CAM,
for controls and for each explainer: the aggregated target masks' IoU at the fixed
threshold 0.5 and at the best one, and what `evaluate_methods` measures on the same
pictures; then what `evaluate` says of the explainer itself. Explainers are saved in
--out. On shapes also the variance of the policy gradient, at the start and with the
weights of the trained one, with and without what reduces it, beside the published
surrogate's and how far that is from the gradient; and discrete masks of randomised
classifiers, trained anew for each.
"""

import argparse
import pathlib
import time
import warnings

import keras
import numpy as np
import tensorflow as tf
import voc_quality

import keras_explainer as kx
from keras_explainer.attribution import GradCAM
from keras_explainer.evaluation import evaluate_methods
from keras_explainer.evaluation import overlap_by_threshold
from keras_explainer.metrics import model_randomization

CLASSIFIER = pathlib.Path(__file__).parents[1] / "saved_models/shapes_classifier.keras"
SHAPES = kx.datasets.SHAPES_CLASSES
TRAIN_SEED, HELD_OUT_SEED = 3_000_000, 4_000_000


def real_time_saliency_published(classifier):
    explainer = kx.RealTimeSaliencyExplainer(
        classifier, evidence=False, multi_label=True
    )
    explainer.compile(loss=kx.losses.RealTimeSaliencyLoss.published())
    return explainer


def explainer_published(classifier):
    # Its encoder starts from random weights: none can be fetched here.
    encoder = keras.applications.ResNet50(
        weights=None, include_top=False, input_shape=classifier.input_shape[1:]
    )
    explainer = kx.ExplainerModel(
        classifier, decoder="deeplabv3", encoder=encoder, multi_label=True
    )
    explainer.compile(loss=kx.ExplainerLoss.published("voc2007", "vgg16"))
    return explainer


def built(kind, *options, **named):
    return lambda classifier: kind(classifier, *options, multi_label=True, **named)


SYSTEMS = {
    "explainer": built(kx.ExplainerModel),
    "explainer (published)": explainer_published,
    "discrete masks": built(kx.DiscreteMaskExplainer),
    "discrete masks (published)": built(
        kx.DiscreteMaskExplainer, estimator="published", threshold=0.35
    ),
    "real-time saliency": built(kx.RealTimeSaliencyExplainer),
    "real-time saliency (published)": real_time_saliency_published,
    "L2X": built(kx.L2XExplainer),
    "BLA-PH": built(kx.BoundedLogitAttentionExplainer, "bla-ph"),
    "BLA-T": built(kx.BoundedLogitAttentionExplainer, "bla-t"),
    "BLA": built(kx.BoundedLogitAttentionExplainer, "bla"),
    "L2X-F": built(kx.BoundedLogitAttentionExplainer, "l2x-f"),
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
    method = GradCAM(classifier, multi_label=True)

    def explain(images, target):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Empty maps count as such.
            return method.explain(images, target)

    return explain


def print_row(name, method, explainer, masks_for, pictures):
    """Prints the quality of all pictures' masks, and of fewer by the harness."""
    held_out, harness, classes = pictures
    found = overlap_by_threshold(masks_for, held_out, classes)
    measured = evaluate_methods(
        explainer, harness, [method], discrimination_limit=None, step_share=0.05
    )[method]
    figures = [found[k] for k in ("iou_at_half", "best_iou", "class_iou_at_half")]
    for metric in (
        "class_discrimination_gap",
        "pointing_game",
        "insertion",
        "deletion",
    ):
        summary = measured.summary(metric)
        figures.append(summary["mean"] if summary else float("nan"))
    print(f"| {name} |" + "".join(f" {f:.3f} |" for f in figures), end="", flush=True)


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


def print_variances(classifier, draws, trained):
    """Prints the variances at the start, and with the weights of a trained one."""
    images, labels = next(iter(drawn(16, TRAIN_SEED + 1)))
    labels = tf.one_hot(tf.argmax(labels, axis=1), len(SHAPES))
    variants = {
        "leave one out (default)": {},
        "leave one out, slopes": {"slopes": True},
        "greedy baseline": {"baseline": "greedy"},
        "two masks, no baseline": {"baseline": None},
        "one mask, no baseline": {"samples": 1, "baseline": None},
        "published surrogate": {"estimator": "published"},
    }
    heads = ("variance", "of mean squared", "cosine")
    for when, source in (("at the start", None), ("after training", trained)):
        print(f"\n{when:26}" + "".join(f"{h:>17}" for h in heads))
        exact = None
        for name, options in variants.items():
            keras.utils.set_random_seed(0)
            explainer = kx.DiscreteMaskExplainer(classifier, **options)
            if source:
                for mine, its in zip(explainer.variables, source.variables):
                    mine.assign(its)
            found = gradient_variance(explainer, images, labels, draws)
            exact = exact or found
            # Of the mean gradient with that of the first, which has no bias.
            cosine = 1.0
            if found is not exact:
                cosine = found[0] @ exact[0] / np.sqrt(found[1] * exact[1])
            figures = (found[2], found[2] / found[1], cosine)
            print(f"{name:26}" + "".join(f"{f:17.4g}" for f in figures), flush=True)


def print_randomization(classifier, minutes):
    """Prints how alike masks stay when classifiers forget, each trained anew."""
    images, labels = next(iter(drawn(32, HELD_OUT_SEED)))
    targets = np.argmax(labels, axis=1)

    def trained(copy):
        keras.utils.set_random_seed(0)
        explainer = kx.DiscreteMaskExplainer(copy, multi_label=True)
        budget = CpuBudget(60 * minutes)
        explainer.fit(drawn(32, TRAIN_SEED), callbacks=[budget], verbose=0)
        return lambda x, target: explainer.explain(x, target).masks[..., 0]

    found = model_randomization(classifier, trained, images.numpy(), targets, stages=2)
    print("\nforgotten down to layer       SSIM  Spearman  of masks not constant")
    for stage, layer in enumerate(found["layers"]):
        ranks = found["spearman"][stage]
        print(
            f"{layer:26}{np.mean(found['ssim'][stage]):8.3f}"
            f"{np.nanmean(ranks):10.3f}{np.isfinite(ranks).sum():6}",
            flush=True,
        )


def drawn(batch_size, seed, count=None, **options):
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
    parser.add_argument("--data", type=pathlib.Path, help="photographs, not shapes")
    parser.add_argument("--limit", type=int, help="pictures to judge (shapes: 96)")
    parser.add_argument("--harness", default=96, type=int, help="of them, by all")
    parser.add_argument("--draws", default=100, type=int, help="for the variances")
    parser.add_argument("--systems", default=",".join(SYSTEMS), help="with commas")
    parser.add_argument("--out", default="runs/siblings", type=pathlib.Path)
    arguments = parser.parse_args()
    if arguments.data:
        classifier = voc_quality.load_classifier(arguments.data)
        options = {"batch_size": 16, "cache": True}
        train = voc_quality.photographs(arguments.data, "train", **options)
        train = train.map(voc_quality.mirrored).repeat()
        options |= {"masks": True, "limit": arguments.limit}
        judged = voc_quality.photographs(arguments.data, "val", **options)
        classes, steps = len(voc_quality.CLASSES), 10_000  # More than the budget.
    else:
        classifier = keras.saving.load_model(CLASSIFIER, compile=False)
        train, classes, steps = drawn(32, TRAIN_SEED), len(SHAPES), None
        judged = drawn(32, HELD_OUT_SEED, arguments.limit or 96, masks=True)
    held_out = list(judged.as_numpy_iterator())
    few = held_out[: -(-arguments.harness // len(held_out[0][0]))]
    pictures = held_out, few, classes
    start = kx.ExplainerModel(classifier, multi_label=True)
    heads = ("", "IoU@0.5", "best IoU", "class IoU", "class gap", "pointing")
    print("| " + " | ".join([*heads, "insertion", "deletion", "steps"]) + " |")
    print("|" + "---|" * 9)
    for name, method, masks_for in (
        ("all ones", "one", lambda x, _: np.ones(x.shape[:3])),
        ("Grad-CAM", "grad_cam", grad_cam_masks(classifier)),
        ("explainer, untrained", "explainer", target_masks(start)),
    ):
        print_row(name, method, start, masks_for, pictures)
        print(" |", flush=True)
    arguments.out.mkdir(parents=True, exist_ok=True)
    told = []
    for name in filter(None, arguments.systems.split(",")):
        keras.utils.set_random_seed(0)
        explainer = SYSTEMS[name](classifier)
        budget = CpuBudget(60 * arguments.minutes)
        explainer.fit(train, steps_per_epoch=steps, callbacks=[budget], verbose=0)
        explainer.save(arguments.out / f"{name.replace(' ', '_')}.keras")
        print_row(name, "explainer", explainer, target_masks(explainer), pictures)
        print(f" {budget.steps} |", flush=True)
        images, labels, _ = (np.concatenate(part) for part in zip(*held_out))
        figures = explainer.evaluate(images, labels, verbose=0, return_dict=True)
        told.append(f"{name}: { ({k: round(figures[k], 3) for k in sorted(figures)}) }")
    print("", *told, sep="\n", flush=True)
    trained = arguments.out / "discrete_masks.keras"
    if arguments.draws > 1 and not arguments.data and trained.exists():
        trained = keras.saving.load_model(trained, compile=False)
        print_variances(classifier, arguments.draws, trained)
        print_randomization(classifier, min(arguments.minutes, 1.0))


if __name__ == "__main__":
    main()
