"""`keras-explainer demo`: the whole story on drawn shapes, then real photographs."""

import pathlib
import warnings

import numpy as np
from rich.table import Table

from keras_explainer.command_line.argument_types import whole_number
from keras_explainer.command_line.command_error import CommandError
from keras_explainer.command_line.console import console
from keras_explainer.command_line.console import working
from keras_explainer.command_line.quiet_tensorflow import quiet_tensorflow
from keras_explainer.runs.run_folder import RunFolder

SUMMARY = "train an explainer on drawn shapes, compare, show the masks"
DESCRIPTION = """\
Trains an explainer for the small shapes classifier that comes with the project, on
pictures drawn on the fly: no download, no GPU. Prints how well its masks agree with
the true outlines, beside Grad-CAM, and writes pictures and the explainer. Ends with
photographs, explained by the explainer of ImageNet's classes that comes with it."""
EXAMPLES = [
    "keras-explainer demo",
    "keras-explainer demo --epochs 2 --out runs/quick --force",
]

EPOCHS = 6
STEPS = 150
BATCH_SIZE = 32
HELD_OUT = 160
EXAMPLE_PICTURES = 6
# The classifier was trained on seeds from 1,000,000 and judged on 2,000,000.
TRAIN_SEED, HELD_OUT_SEED = 3_000_000, 4_000_000
PHOTOGRAPHS = pathlib.Path(__file__).parents[1] / "photographs"


def add_arguments(parser):
    parser.add_argument(
        "--out",
        default="runs/demo",
        metavar="DIR",
        help="the folder to write, a new one (default: %(default)s)",
    )
    parser.add_argument(
        "--force", action="store_true", help="replace an earlier result in --out"
    )
    parser.add_argument(
        "--epochs",
        type=whole_number(1),
        default=EPOCHS,
        metavar="N",
        help="rounds of training (default: %(default)s)",
    )
    parser.add_argument(
        "--steps",
        type=whole_number(1),
        default=STEPS,
        metavar="N",
        help=f"batches of {BATCH_SIZE} pictures in a round (default: %(default)s)",
    )


def run(args):
    settings = {"command": "demo", "epochs": args.epochs, "steps": args.steps}
    with RunFolder(args.out, settings, force=args.force) as folder:
        console.print("A classifier names the shapes in a picture. Where are they?")
        quiet_tensorflow()
        quality = _demonstrate(args, folder)
        console.print(_table(quality))
        console.print("\nReal photographs, and what MobileNetV2 sees in them")
        with working("Explaining photographs"):
            told = _explain_photographs(folder)
        console.print(told)
        folder.finish()
    console.print(
        f"\n{args.out}/pictures/gallery.png      masks of pictures it has never seen"
        f"\n{args.out}/pictures/photographs.png  masks of the photographs"
        f"\n{args.out}/explainer.keras           the explainer; reloaded, masks are "
        "equal"
        "\n\nWhat to type next, for these pictures, for a photograph and for a "
        "classifier of your own:"
        f"\n  keras-explainer explain --explainer {args.out} {args.out}/examples "
        f"--out {args.out}_explained"
        "\n  keras-explainer explain PHOTO.jpg"
        "\n  keras-explainer train --classifier YOURS.keras --dataset folder "
        "--data PHOTOS --out runs/yours"
    )


def _demonstrate(args, folder):
    """Writes the run into the folder; returns the metrics of each method."""
    import keras

    from keras_explainer import datasets
    from keras_explainer.explainers.explainer_model import ExplainerModel
    from keras_explainer.loading.load_classifier import load_classifier
    from keras_explainer.runs.history_file import HistoryFile
    from keras_explainer.runs.training_progress import TrainingProgress

    keras.utils.set_random_seed(TRAIN_SEED)
    classifier = load_classifier("shapes")
    explainer = ExplainerModel(classifier, class_names=datasets.SHAPES_CLASSES)
    options = {
        "image_size": explainer.frozen.input_shape[:2],
        "preprocess_input": explainer.preprocessing,
    }
    held_out = datasets.shapes(HELD_OUT, seed=HELD_OUT_SEED, masks=True, **options)
    with working("Measuring before it is trained"):
        untrained = _quality(explainer_masks(explainer), held_out)
    console.print(
        f"Training an explainer on {args.epochs * args.steps * BATCH_SIZE} pictures\n"
    )
    progress = TrainingProgress(args.epochs, args.steps, validates=False)
    history = HistoryFile(folder)
    with progress:
        explainer.fit(
            datasets.shapes(batch_size=BATCH_SIZE, seed=TRAIN_SEED, **options),
            steps_per_epoch=args.steps,
            epochs=args.epochs,
            shuffle=False,  # Every picture is new.
            verbose=0,
            callbacks=[progress, history],
        )
    console.print(f"\nComparing on {HELD_OUT} other pictures")
    with working("Comparing"):
        quality = _compared(classifier, explainer, untrained, held_out)
        folder.write_json("metrics.json", quality)
        pictures = next(iter(held_out.unbatch().batch(EXAMPLE_PICTURES)))
        _draw(folder, explainer, *pictures)
        _save(folder, explainer, pictures[0])
    return quality


def _compared(classifier, explainer, untrained, held_out):
    """Returns the quality of each method, a dict."""
    threshold, grad_cam = _grad_cam_quality(classifier, held_out)
    return {
        "Explainer": _quality(explainer_masks(explainer), held_out),
        f"Grad-CAM, at its best threshold ({threshold})": grad_cam,
        "Explainer, untrained": untrained,
        "all ones": _quality(
            lambda images, index: np.ones(images.shape[:3], "float32"), held_out
        ),
    }


def explainer_masks(explainer):
    """Returns the function that `overlap_by_threshold` takes, for an explainer."""
    return lambda images, index: explainer.explain(images, targets=index).masks[..., 0]


def _grad_cam_quality(classifier, held_out):
    """Returns the threshold that suits Grad-CAM best, and the quality there."""
    from keras_explainer.attribution import GradCAM
    from keras_explainer.datasets import SHAPES_CLASSES
    from keras_explainer.evaluation import overlap_by_threshold

    grad_cam = GradCAM(classifier)

    def explain(images, index):
        with warnings.catch_warnings():
            # An empty map counts as one: the table shows what it is worth.
            warnings.simplefilter("ignore")
            return grad_cam.explain(images, index)

    swept = overlap_by_threshold(explain, held_out, len(SHAPES_CLASSES))
    best = swept["thresholds"][int(np.argmax(swept["iou"]))]
    return best, _quality(
        lambda images, index: explain(images, index) >= best, held_out
    )


def _quality(masks_for, held_out):
    from keras_explainer.datasets import SHAPES_CLASSES
    from keras_explainer.evaluation import overlap_by_threshold

    found = overlap_by_threshold(
        masks_for, held_out, len(SHAPES_CLASSES), thresholds=[0.5]
    )
    return {
        "class_iou": found["class_iou_at_half"],
        "iou": found["iou_at_half"],
        "accuracy": found["accuracy_at_half"],
    }


def _draw(folder, explainer, images, labels, truth):
    from keras_explainer.visualization import gallery
    from keras_explainer.visualization import save_figure
    from keras_explainer.visualization import save_image

    pictures = explainer.preprocessing.restore(images)
    figure = gallery(
        pictures,
        explainer.explain(images.numpy(), targets=labels.numpy()),
        class_names=explainer.class_names,
        ground_truth=truth.numpy() > 0,
    )
    save_figure(figure, folder.file("pictures/gallery.png"))
    for number, picture in enumerate(pictures, start=1):
        save_image(picture, folder.file(f"examples/shapes_{number}.png"))


def _explain_photographs(folder):
    """Draws what the shipped explainer of ImageNet shows; returns it as text."""
    from keras_explainer.loading.load_explainer import load_explainer
    from keras_explainer.loading.pictures import explainer_input
    from keras_explainer.loading.pictures import read_pictures
    from keras_explainer.shipped_models import shipped_model
    from keras_explainer.visualization import gallery
    from keras_explainer.visualization import save_figure

    explainer = load_explainer(shipped_model("mobilenet_v2_imagenet"))
    paths, pictures = zip(*read_pictures(sorted(PHOTOGRAPHS.glob("*.jpg"))))
    found = explainer.explain(
        explainer_input(pictures, explainer), top_k=1, verify=True
    )
    figure = gallery(pictures, found, class_names=explainer.class_names)
    save_figure(figure, folder.file("pictures/photographs.png"))
    rows = zip(
        [path.name for path in paths],
        [explainer.display_names[index] for index in found.classes[:, 0]],
        found.scores[:, 0],
        found.kept_scores[:, 0],
        found.removed_scores[:, 0],
    )
    return "\n".join(
        f"{file}: {name} {score:.2f} (alone {kept:.2f}, without {removed:.2f})"
        for file, name, score, kept, removed in rows
    )


def _save(folder, explainer, images):
    from keras_explainer.loading.load_explainer import load_explainer

    path = folder.file("explainer.keras")
    explainer.save(path)
    before = explainer.explain(images.numpy()).masks
    after = load_explainer(path).explain(images.numpy()).masks
    if not np.array_equal(before, after):
        raise CommandError(
            "The reloaded explainer should give the same masks. Received: a "
            f"difference of up to {np.abs(before - after).max():g}"
        )


def _table(quality):
    table = Table(
        title="How well the masks agree with the true shapes",
        title_justify="left",
        title_style="bold",
    )
    table.add_column("method")
    heads = ("IoU per class", "IoU of all classes", "pixel accuracy")
    for head in heads:
        table.add_column(head, justify="right")
    for method, values in quality.items():
        style = "bold" if method == "Explainer" else None
        table.add_row(method, *(f"{v:.3f}" for v in values.values()), style=style)
    return table
