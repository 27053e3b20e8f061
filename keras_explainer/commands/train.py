"""`keras-explainer train`: trains an explainer for a classifier."""

import shlex
import shutil
import warnings

from keras_explainer.command_line.argument_types import name_list
from keras_explainer.command_line.argument_types import settings
from keras_explainer.command_line.argument_types import whole_number
from keras_explainer.command_line.command_error import CommandError
from keras_explainer.command_line.command_error import Interrupted
from keras_explainer.command_line.command_error import Terminated
from keras_explainer.command_line.console import console
from keras_explainer.command_line.console import working
from keras_explainer.command_line.data_arguments import add_dataset
from keras_explainer.command_line.data_arguments import add_image_size
from keras_explainer.command_line.data_arguments import check_data_arguments
from keras_explainer.command_line.loading_arguments import add_loading_arguments
from keras_explainer.command_line.loading_arguments import loading_options
from keras_explainer.command_line.preprocessing_arguments import (
    add_preprocessing_arguments,
)
from keras_explainer.command_line.quiet_tensorflow import quiet_tensorflow
from keras_explainer.command_line.result_arguments import add_result_arguments
from keras_explainer.command_line.result_arguments import run_settings
from keras_explainer.command_line.result_arguments import typed_command
from keras_explainer.files.atomic_file import atomic_file
from keras_explainer.loading.new_explainer import METHODS
from keras_explainer.loading.new_explainer import new_explainer
from keras_explainer.runs.run_folder import RunFolder

SUMMARY = "train an explainer for a classifier, once"
DESCRIPTION = """\
Trains an explainer for a classifier, which stays as it is. The result is a folder
with explainer.keras, history.csv, metrics.json, config.json and pictures/. It ends
with a verdict on pictures held out for validation, if there are any: how much of its
answers the classifier keeps from the masks alone, and how much without them."""
DETAILS = """\
The folder appears when training is over. Until then what every finished epoch has
reached is kept beside it, in <out>.partial, for --resume; asked to end by SIGTERM,
training also saves the step it has reached.

With --resume and more --epochs a run that is finished is trained on: its learning rate
is that of the longer training, so that it is higher again at first.

--loss takes numbers of keras_explainer.losses.ExplainerLoss, and of what a step draws
(composites, crops, augmentation ...): target_area_weight=9 makes masks smaller."""
USUAL = [
    *("--classifier", "--class-names", "--preprocess-input"),
    *("--dataset", "--data", "--classes", "--limit"),
    *("--epochs", "--loss", "--out", "--force", "--resume"),
]
EXAMPLES = [
    "keras-explainer train --classifier mobilenet_v2 --dataset folder --data photos \\",
    "    --out runs/photos",
    "keras-explainer train --classifier pets.keras --dataset voc --data VOCdevkit \\",
    "    --classes cat,dog --epochs 5 --augment --out runs/pets",
]
# Rows of the gallery of each epoch, and of the one at the end.
EPOCH_GALLERY, GALLERY = 4, 8
VERIFIED = 32  # pictures, at most
_PATHS = ("classifier", "data", "class_names")
# What only a dataset of files has.
_FILE_OPTIONS = ("data", "split", "validation_split", "classes", "augment")


def add_arguments(parser):
    _add_classifier(parser.add_argument_group("what to explain"))
    _add_data(parser.add_argument_group("images to learn from"))
    _add_training(parser.add_argument_group("training"))
    more = ", or train on after a finished one, with more --epochs"
    add_result_arguments(parser, "its last finished epoch", more)


def _add_classifier(group):
    group.add_argument(
        "--classifier",
        required=True,
        metavar="NAME_OR_PATH",
        help="path of a .keras file, a name out of keras.applications such as "
        'mobilenet_v2 (trained on ImageNet), or "shapes" (shipped)',
    )
    add_preprocessing_arguments(group)
    group.add_argument(
        "--multi-label",
        choices=["auto", "true", "false"],
        default="auto",
        help="whether an image may have several classes (default: as the last "
        "activation of the classifier tells)",
    )
    group.add_argument(
        "--class-names",
        metavar="FILE_OR_LIST",
        help="names of the classes, one a line or with commas between them; of a "
        "binary classifier those of no and yes, or of yes alone",
    )
    add_loading_arguments(group)


def _add_data(group):
    add_dataset(group, "in subfolders by class or not")
    group.add_argument(
        "--split",
        metavar="NAME",
        help="images for training (default: train; in a folder its subfolder of "
        "that name, or else all of it)",
    )
    group.add_argument(
        "--validation-split",
        metavar="NAME",
        help="images for validation (default: val; in a folder its subfolder of that "
        "name, or else none)",
    )
    group.add_argument(
        "--classes",
        type=name_list,
        metavar="A,B,C",
        help="classes of the dataset, in the classifier's order: their labels are "
        "used if they are as many as its outputs; otherwise its own predictions are "
        "explained",
    )
    add_image_size(group)
    group.add_argument(
        "--limit",
        type=whole_number(1),
        metavar="N",
        help="use only the first N images of each split",
    )
    group.add_argument(
        "--augment", action="store_true", help="mirror and crop images at random"
    )


def _add_training(group):
    group.add_argument(
        "--method",
        choices=list(METHODS),
        default="explainer",
        help="the kind of explainer (default: %(default)s)",
    )
    group.add_argument(
        "--epochs",
        type=whole_number(1),
        default=10,
        metavar="N",
        help="passes over the images (default: %(default)s)",
    )
    group.add_argument(
        "--loss",
        type=settings,
        metavar="NAME=N,...",
        help="numbers of the objective, such as target_area_weight=9 for smaller masks",
    )
    group.add_argument(
        "--batch-size",
        type=whole_number(1),
        default=16,
        metavar="N",
        help="images per step (default: %(default)s)",
    )
    group.add_argument(
        "--seed",
        type=whole_number(0),
        default=0,
        metavar="N",
        help="of weights, order and augmentation (default: %(default)s)",
    )


def run(args):
    check_data_arguments(args, _FILE_OPTIONS)
    with _run_folder(args) as folder:
        quiet_tensorflow()
        from keras_explainer.runs.checkpoint import TerminationCheckpoint

        with TerminationCheckpoint(folder) as termination:
            try:
                verdict = _train(args, folder, termination)
            except KeyboardInterrupt:
                kind = Terminated if termination.asked else Interrupted
                raise kind(_how_to_continue(args, *folder.reached)) from None
            except FloatingPointError as error:
                raise CommandError(_kept_checkpoint(error, folder)) from error
    console.print(f"\n{verdict}.")
    console.print(f"\nSaved the explainer in {args.out}. Explain pictures with:")
    explainer, out = shlex.quote(args.out), shlex.quote(f"{args.out}_explained")
    console.print(
        f"  keras-explainer explain --explainer {explainer} PICTURES... --out {out}"
    )


def _run_folder(args):
    """Returns the folder of a new run, or of one to go on with."""
    settings = run_settings(args, _PATHS)
    if not args.resume:
        return RunFolder(args.out, settings, force=args.force)
    from keras_explainer.runs.prolonged_run import resumed_training

    folder, is_finished = resumed_training(args.out, settings)
    if is_finished:
        console.print(
            f"Training on from epoch {folder.finished_epochs} to {args.epochs}: the "
            "learning rate is that of the longer training, higher again at first"
        )
    return folder


def _train(args, folder, termination):
    """Trains, writes the run into the folder, and returns what it proves."""
    import keras

    from keras_explainer.callbacks import MaskGallery
    from keras_explainer.loading.load_explainer import load_explainer
    from keras_explainer.loading.training_data import load_training_data
    from keras_explainer.runs.history_file import HistoryFile
    from keras_explainer.runs.training_progress import TrainingProgress
    from keras_explainer.training.learning_rate_decay import LearningRateDecay

    start, steps = folder.reached
    keras.utils.set_random_seed(args.seed)
    if start or steps:
        with working("Loading the explainer"):
            explainer = load_explainer(
                folder.checkpoint(start, steps), **loading_options(args)
            )
    else:
        with working("Reading the classifier"):
            explainer = new_explainer(args)
    with working("Looking at the data"):
        data = load_training_data(args, explainer)
        images = data.first_images(VERIFIED)
    _introduce(explainer, data, images)

    history = HistoryFile(folder)
    for epoch in range(args.epochs + 1):
        folder.file(f"pictures/epoch_{epoch:03d}.png")
    gallery = MaskGallery(
        images[:EPOCH_GALLERY],
        folder.path / "pictures",
        class_names=explainer.class_names,
    )
    # Keras takes a dataset whose size is known only at its end for a mistake.
    warnings.filterwarnings("ignore", "Your input ran out of data")
    validates = data.validation is not None
    progress = TrainingProgress(args.epochs, data.steps, validates, history.rows)
    order = keras.callbacks.LambdaCallback(
        on_epoch_begin=lambda epoch, logs: setattr(data.epoch, "number", epoch)
    )

    def fit(images, first, last, skipped=0):
        rate = LearningRateDecay(args.epochs, data.steps, skipped)
        explainer.fit(
            images,
            validation_data=data.validation,
            epochs=last,
            initial_epoch=first,
            shuffle=False,  # The dataset shuffles.
            verbose=0,
            callbacks=[rate, order, progress, history, gallery, termination],
        )

    with progress:
        if steps:
            fit(data.train.skip(steps), start, start + 1, skipped=steps)
            start += 1
        fit(data.train, start, args.epochs)
    with working("Verifying masks"):
        explanation = explainer.explain(images, batch_size=args.batch_size, verify=True)
        _finish(folder, explainer, images, explanation, history.rows)
    whose = "that training did not see" if validates else "of the training"
    pictures = "1 picture" if len(images) == 1 else f"{len(images)} pictures"
    return f"On {pictures} {whose}: {explanation.verdict()}"


def _introduce(explainer, data, images):
    frozen = explainer.frozen
    height, width = images.shape[1:3]
    answer = "any number" if frozen.multi_label else "one"
    console.print(
        f"classifier  {explainer.classifier.name}: {width}x{height} pixels, "
        f"{frozen.num_classes} classes, {answer} of them per image"
    )
    console.print(f"pixels      {_shown_range(explainer.preprocessing)}")
    console.print(f"images      {data.count} for training")
    console.print(f"targets     {data.targets}\n")


def _shown_range(preprocessing):
    """Says what becomes of pixels, which the user may know better."""
    name, ends = preprocessing.name, preprocessing.input_range
    if name == "identity":
        return "as they are, from 0 to 255"
    what = "by a function of the user's" if name == "custom" else f"as of {name}"
    what = "scaled" if ".." in name else what
    return what if ends is None else f"{what}, from {ends[0]:.3g} to {ends[1]:.3g}"


def _finish(folder, explainer, images, explanation, rows):
    from keras_explainer.explanations.explanation import Explanation
    from keras_explainer.visualization import gallery
    from keras_explainer.visualization import save_figure

    figure = gallery(
        explainer.preprocessing.restore(images[:GALLERY]),
        Explanation(*(field[:GALLERY] for field in explanation)),
        class_names=explainer.class_names,
    )
    save_figure(figure, folder.file("pictures/gallery.png"))
    metrics = {k: v for k, v in rows[-1].items() if k not in ("epoch", "seconds")}
    seconds = round(sum(row["seconds"] for row in rows), 2)
    folder.write_json(
        "metrics.json", {"epochs": len(rows), "seconds": seconds, **metrics}
    )
    # A copy: until the folder has its name, the run can be resumed.
    with atomic_file(folder.file("explainer.keras")) as temporary:
        shutil.copy(folder.checkpoint(len(rows)), temporary)
    folder.finish()


def _kept_checkpoint(error, folder):
    last = folder.checkpoint(*folder.reached)
    kept = f"kept: {last}" if last.exists() else "nothing was kept of this first epoch"
    return f"{error}; {kept}"


def _how_to_continue(args, finished, steps):
    command = typed_command(args)
    if finished or steps:
        done = f"Interrupted after epoch {finished} of {args.epochs}"
        parted = f" and {steps} steps" if steps else ""
        return f"{done}{parted}; to continue: {command} --resume"
    return f"Interrupted in the first epoch; to start again: {command}"
