"""`keras-explainer report`: a run as one page, to look at and to hand on."""

import argparse
import json
import pathlib

from keras_explainer.command_line.argument_types import whole_number
from keras_explainer.command_line.command_error import UsageError
from keras_explainer.command_line.console import console
from keras_explainer.command_line.console import working
from keras_explainer.command_line.loading_arguments import add_loading_arguments
from keras_explainer.command_line.loading_arguments import loading_options
from keras_explainer.command_line.new_file import new_file
from keras_explainer.command_line.quiet_tensorflow import quiet_tensorflow
from keras_explainer.files.atomic_file import atomic_file
from keras_explainer.loading.load_explainer import load_explainer
from keras_explainer.runs.own_files import note_in_result

SUMMARY = "show a run as one page: curves, figures, masks to play with"
DESCRIPTION = """\
Writes one HTML page about a run of `demo` or `train`: its curves, its figures, and
pictures with a class chooser, a slider over the threshold of the mask, and what the
classifier says of the mask alone and of the rest. The page needs no network and no
other file."""
EXAMPLES = [
    "keras-explainer report runs/demo",
    "keras-explainer report runs/pets --images 'holiday/*.jpg' --out pets.html",
]


def add_arguments(parser):
    parser.add_argument("run_folder", metavar="RUN", help="folder of demo or of train")
    add_loading_arguments(parser)
    parser.add_argument(
        "--images",
        nargs="+",
        metavar="IMAGES",
        help="files, folders or patterns to show (default: those of the demo, or the "
        "first ones of the training's validation)",
    )
    parser.add_argument(
        "--limit",
        type=whole_number(1),
        default=12,
        metavar="N",
        help="show the first N pictures (default: %(default)s)",
    )
    parser.add_argument(
        "--top-k",
        type=whole_number(1),
        default=5,
        metavar="N",
        help="the N most probable classes of each picture (default: %(default)s)",
    )
    parser.add_argument(
        "--out", metavar="FILE", help="the page to write (default: RUN/report.html)"
    )
    parser.add_argument(
        "--force", action="store_true", help="replace an earlier page in --out"
    )


def run(args):
    folder = pathlib.Path(args.run_folder)
    config, metrics = (_read(folder, name) for name in ("config.json", "metrics.json"))
    if config.get("command") not in ("demo", "train"):
        raise UsageError(f"{_EXPECTED}. Received: {folder}, of another command")
    if not (folder / "explainer.keras").is_file():
        raise UsageError(f"{_EXPECTED}. Received: {folder}, without explainer.keras")
    out = new_file(args.out or folder / "report.html", args.force)
    quiet_tensorflow()
    from keras_explainer.report.report_page import report_page
    from keras_explainer.runs.history_file import read_history

    with working("Explaining the pictures"):
        pictures, verdict = _pictures(args, folder, config)
    rows = read_history(folder / "history.csv")
    name = folder.resolve().name
    page = report_page(name, config, rows, metrics, pictures, verdict)
    with atomic_file(out) as temporary:
        temporary.write_text(page, encoding="utf-8")
    if out.parent.resolve() == folder.resolve():
        note_in_result(folder, out.name)
    size = len(page.encode()) / 1e6
    console.print(f"Wrote {out}: {len(pictures)} pictures, {size:.1f} MB")


_EXPECTED = "Argument RUN should be the folder of a finished demo or train"


def _read(folder, name):
    if not folder.exists():
        raise UsageError(f"{_EXPECTED}. Received: {folder}, which does not exist")
    try:
        content = json.loads((folder / name).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        content = None
    if not isinstance(content, dict):
        raise UsageError(f"{_EXPECTED}. Received: {folder}, without a sound {name}")
    return content


def _pictures(args, folder, config):
    from keras_explainer.report.report_page import report_picture

    explainer = load_explainer(folder, **loading_options(args))
    if args.images or config["command"] == "demo":
        names, pictures, images = _from_files(
            args.images or [str(folder / "examples")], args.limit, explainer
        )
    else:
        names, pictures, images = _from_training(config, args.limit, explainer)
    found = explainer.explain(images, top_k=args.top_k, verify=True)
    proof = found.kept_scores, found.removed_scores
    shown = [
        report_picture(name, picture, *fields, class_names=explainer.display_names)
        for name, picture, *fields in zip(names, pictures, *found[:3], *proof)
    ]
    return shown, found.verdict()


def _from_files(names, limit, explainer):
    """Returns names, pictures and what the explainer takes for them."""
    from keras_explainer.loading.pictures import explainer_input
    from keras_explainer.loading.pictures import find_pictures
    from keras_explainer.loading.pictures import no_pictures
    from keras_explainer.loading.pictures import read_pictures

    read = read_pictures(find_pictures(names)[:limit])
    if not read:
        raise no_pictures("--images", names)
    pictures = [picture for _, picture in read]
    names = [path.name for path, _ in read]
    return names, pictures, explainer_input(pictures, explainer)


def _from_training(config, limit, explainer):
    """The same, of the images that the training was validated on, if there are any."""
    from PIL import Image

    from keras_explainer.loading.data_sources import data_source
    from keras_explainer.loading.training_data import load_training_data
    from keras_explainer.visualization.pixels import to_uint8

    if config["data"] and not pathlib.Path(config["data"]).is_dir():
        raise UsageError(
            "Argument --images should name pictures, since those of the training are "
            f"no longer in {config['data']}. Received: none"
        )
    arguments = argparse.Namespace(**config)
    if files := data_source(arguments).picture_files():
        return _from_files([str(path) for path in files[:limit]], limit, explainer)
    data = load_training_data(arguments, explainer)
    images = data.first_images(limit)
    pixels = to_uint8(explainer.preprocessing.restore(images))
    pictures = [Image.fromarray(picture) for picture in pixels]
    return [f"image {i + 1}" for i in range(len(images))], pictures, images
