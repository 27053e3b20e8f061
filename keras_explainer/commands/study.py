"""`keras-explainer study`: asks people which of two explainers they prefer."""

import pathlib

from keras_explainer.command_line.argument_types import name_list
from keras_explainer.command_line.argument_types import whole_number
from keras_explainer.command_line.command_error import UsageError
from keras_explainer.command_line.console import console
from keras_explainer.command_line.console import count_bar
from keras_explainer.command_line.console import working
from keras_explainer.command_line.loading_arguments import add_loading_arguments
from keras_explainer.command_line.loading_arguments import loading_options
from keras_explainer.command_line.quiet_tensorflow import quiet_tensorflow
from keras_explainer.command_line.result_arguments import add_out
from keras_explainer.loading.load_explainer import find_explainer
from keras_explainer.loading.load_explainer import load_explainer
from keras_explainer.runs.run_folder import RunFolder

SUMMARY = "write a page that asks people which of two explainers they prefer"
DESCRIPTION = """\
Explains the most probable class of each picture with two explainers of the same
classes, and writes a folder with

  study.html  the page to hand to raters: blinded pairs in random order and sides; it
              needs no network, keeps answers in the browser and saves them as JSON
  key.json    which explanation is whose; keep it to yourself

`keras-explainer preferences` says what came of it."""
EXAMPLES = [
    "keras-explainer study --explainers runs/a,runs/b --images photos --out my_study",
    "keras-explainer preferences my_study answers_*.json",
]
# Pixels of the longer side of a picture.
_PICTURE_SIDE = 480


def add_arguments(parser):
    add_loading_arguments(parser)
    parser.add_argument(
        "--explainers",
        type=name_list,
        required=True,
        metavar="A,B",
        help="two run folders, or explainers saved as .keras",
    )
    parser.add_argument(
        "--images",
        nargs="+",
        required=True,
        metavar="IMAGES",
        help="files, folders or patterns",
    )
    add_out(parser)
    parser.add_argument(
        "--seed",
        type=whole_number(0),
        default=0,
        metavar="N",
        help="of which explanation is called x in the key (default: %(default)s)",
    )
    parser.add_argument(
        "--force", action="store_true", help="replace an earlier study in --out"
    )


def run(args):
    if len(args.explainers) != 2 or len(set(args.explainers)) != 2:
        raise UsageError(
            "Argument --explainers should name two different explainers. "
            f"Received: {','.join(args.explainers)}"
        )
    for path in args.explainers:
        find_explainer(path, "--explainers")
    settings = {
        "command": "study",
        "explainers": [str(pathlib.Path(path).resolve()) for path in args.explainers],
        "images": args.images,
        "seed": args.seed,
    }
    with RunFolder(args.out, settings, force=args.force) as folder:
        quiet_tensorflow()
        from keras_explainer.study.blinded_study import blinded_study

        entries = _entries(args)
        page, key = blinded_study(args.explainers, entries, args.seed)
        folder.write_text("study.html", page)
        folder.write_json("key.json", key)
        folder.finish()
    console.print(
        f"Wrote {args.out}/study.html with {len(entries)} pairs, to hand to raters, "
        "and key.json, to keep. With their answers:\n"
        f"  keras-explainer preferences {args.out} ANSWERS..."
    )


def _entries(args):
    """Returns what `blinded_study` takes for each picture that can be read."""
    import numpy as np

    from keras_explainer.loading.pictures import explainer_input
    from keras_explainer.loading.pictures import find_pictures
    from keras_explainer.loading.pictures import no_pictures
    from keras_explainer.loading.pictures import read_pictures
    from keras_explainer.report.html_page import picture_uri
    from keras_explainer.visualization import overlay

    options = loading_options(args)
    with working("Loading the explainers"):
        first, second = (load_explainer(path, **options) for path in args.explainers)
    if first.display_names != second.display_names:
        raise UsageError(
            "Argument --explainers should name two explainers of the same classes. "
            f"Received: {args.explainers[0]} of {len(first.display_names)} and "
            f"{args.explainers[1]} of {len(second.display_names)} classes"
        )
    entries, paths = [], find_pictures(args.images)
    with count_bar() as bar:
        for path in bar.track(paths, description="Explaining"):
            for _, picture in read_pictures([path]):
                found = first.explain(explainer_input([picture], first), top_k=1)
                target = found.classes[:, 0].tolist()
                other = second.explain(
                    explainer_input([picture], second), targets=target
                )
                picture.thumbnail((_PICTURE_SIDE, _PICTURE_SIDE))
                pixels = np.asarray(picture)
                masks = found.masks[0, ..., 0], other.masks[0, ..., 0]
                entries.append(
                    {
                        "name": str(path),
                        "picture": picture_uri(pixels),
                        "class": first.display_names[target[0]],
                        "explanations": [
                            picture_uri(overlay(pixels, m)) for m in masks
                        ],
                    }
                )
    if not entries:
        raise no_pictures("--images", args.images)
    return entries
