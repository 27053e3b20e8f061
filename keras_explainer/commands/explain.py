"""`keras-explainer explain`: explains pictures with a trained explainer."""

import itertools
import pathlib
import sys

from keras_explainer.command_line.argument_types import fraction
from keras_explainer.command_line.argument_types import name_list
from keras_explainer.command_line.argument_types import whole_number
from keras_explainer.command_line.command_error import CommandError
from keras_explainer.command_line.command_error import UsageError
from keras_explainer.command_line.console import console
from keras_explainer.command_line.console import count_bar
from keras_explainer.command_line.console import working
from keras_explainer.command_line.loading_arguments import add_explainer
from keras_explainer.command_line.loading_arguments import add_loading_arguments
from keras_explainer.command_line.loading_arguments import loading_options
from keras_explainer.command_line.quiet_tensorflow import quiet_tensorflow
from keras_explainer.loading.class_names import read_class_names
from keras_explainer.loading.load_explainer import find_explainer
from keras_explainer.loading.load_explainer import load_explainer
from keras_explainer.loading.target_classes import target_classes
from keras_explainer.runs.run_folder import RunFolder

SUMMARY = "explain pictures: which pixels made the classifier say that"
DESCRIPTION = """\
Explains pictures with a trained explainer, here or on a model server. For each picture
the result folder has

  <picture>_overlay.png   the picture, and every class with its mask and probability
  <picture>_<class>.png   the mask of a class, grey, at the size of the picture

and explanations.json has the probability, area and bounding box of every mask."""
DETAILS = """\
With --relevance there is <picture>_<class>_relevance.png too, the order in which pixels
matter; a server has it of an export with --relevance.

With --verify the classifier itself says how right the masks are: it looks at what each
mask keeps, and at what it leaves. A mask that holds the reasons keeps the probability
of its class, and without it little of that is left.

Without --explainer pictures are explained as photographs, by the explainer that comes
with the package, and without --out the folder is written beside the picture."""
USUAL = [
    *("--explainer", "--server", "--out", "--force"),
    *("--top-k", "--targets", "--verify", "--threshold"),
]
EXAMPLES = [
    "keras-explainer explain photo.jpg",
    "keras-explainer explain --explainer runs/pets holiday.jpg --out explained",
    "keras-explainer explain --explainer pets.keras 'photos/*.jpg' scans/ \\",
    "    --targets cat,dog --threshold 0.5 --out explained",
    "keras-explainer explain --server http://localhost:8501/v1/models/pets photos/ \\",
    "    --verify --out explained",
]
BATCH_SIZE = 16
SHIPPED = "imagenet"


def add_arguments(parser):
    parser.add_argument(
        "images", nargs="+", metavar="IMAGES", help="files, folders or patterns"
    )
    who = parser.add_mutually_exclusive_group()
    add_explainer(who, required=False)
    who.add_argument(
        "--server",
        metavar="URL",
        help="http://HOST:8501/v1/models/NAME or grpc://HOST:8500/v1/models/NAME, or "
        "the folder of an export",
    )
    parser.add_argument(
        "--out",
        metavar="DIR",
        help="the folder to write, a new one (default: PICTURE_explained beside the "
        "picture, or explained for several)",
    )
    _add_classes(parser)
    _add_masks(parser)
    add_loading_arguments(parser)
    parser.add_argument(
        "--force", action="store_true", help="replace an earlier result in --out"
    )


def _add_classes(parser):
    what = parser.add_mutually_exclusive_group()
    what.add_argument(
        "--top-k",
        type=whole_number(1),
        default=3,
        metavar="N",
        help="explain the N most probable classes of each picture (default: 3, or "
        "what the server was exported with, if less)",
    )
    what.add_argument(
        "--targets",
        type=name_list,
        metavar="A,B,C",
        help="explain these classes in every picture: names or, where no class has "
        "that name, indices",
    )
    parser.add_argument(
        "--class-names",
        metavar="FILE_OR_LIST",
        help="names of the classes, one a line or with commas between them (default: "
        "those that the explainer has)",
    )


def _add_masks(parser):
    parser.add_argument(
        "--refine-steps",
        type=whole_number(0),
        default=0,
        metavar="N",
        help="fit each mask to its picture and class by N steps, such as 10, of two "
        "passes of the classifier with their gradients (default: 0)",
    )
    parser.add_argument(
        "--mirrored",
        action="store_true",
        help="explain the mirror image too, and show the mean of both",
    )
    parser.add_argument(
        "--verify",
        action="store_true",
        help="tell how probable each class is from its (grey) mask alone, and without "
        "it, by two more passes of the classifier for each mask; ends with a verdict",
    )
    parser.add_argument(
        "--relevance",
        action="store_true",
        help="write the order in which pixels matter too, a grey map for each mask",
    )
    parser.add_argument(
        "--threshold",
        type=fraction,
        metavar="T",
        help="make masks black and white at T, and measure areas and boxes there "
        "(default: grey masks; areas and boxes at 0.5)",
    )


def run(args):
    is_default = not (args.explainer or args.server)
    args.explainer = SHIPPED if is_default else args.explainer
    args.out = args.out or _usual_out(args.images)
    explainer = None
    if args.explainer:
        explainer = str(find_explainer(args.explainer).resolve())
    elif args.targets:
        raise UsageError(
            "Argument --targets should be left out with --server, which explains the "
            f"most probable classes. Received: {','.join(args.targets)}"
        )
    elif args.class_names:
        raise UsageError(
            "Argument --class-names should be left out with --server, which tells its "
            f"names. Received: {args.class_names}"
        )
    else:
        for option in ("refine_steps", "mirrored"):
            if value := getattr(args, option):
                raise UsageError(
                    f"Argument --{option.replace('_', '-')} should be left out with "
                    f"--server, whose masks are as exported. Received: {value}"
                )
    settings = {
        "command": "explain",
        "explainer": explainer,
        "server": args.server,
        "images": args.images,
        "top_k": args.top_k,
        "targets": args.targets,
        "class_names": args.class_names,
        "refine_steps": args.refine_steps,
        "mirrored": args.mirrored,
        "verify": args.verify,
        "relevance": args.relevance,
        "threshold": args.threshold,
    }
    with RunFolder(args.out, settings, force=args.force) as folder:
        if is_default:
            console.print(
                "With the explainer of ImageNet's 1000 classes that comes with the "
                "package; --explainer names another"
            )
        quiet_tensorflow()
        records, skipped, verdict = _explain(args, folder)
    ending = f", skipped {skipped}" if skipped else ""
    one = len(records) == 1
    explained = "1 picture" if one else f"{len(records)} pictures"
    see = pathlib.Path(args.out, records[0]["overlay"]) if one else args.out
    console.print(f"\nExplained {explained}{ending}; see {see}")
    if verdict:
        console.print(f"Verified: {verdict}")


def _usual_out(names):
    """Returns the folder to write where none is named."""
    path = pathlib.Path(names[0])
    if len(names) > 1 or not path.exists():
        return "explained"
    path = path.resolve() if path.name in ("", "..") else path
    return str(
        path.with_name(f"{path.stem if path.is_file() else path.name}_explained")
    )


def _explain(args, folder):
    """Returns records of pictures, how many were skipped, and the verdict or None."""
    from keras_explainer.loading.pictures import find_pictures
    from keras_explainer.loading.pictures import no_pictures
    from keras_explainer.runs.explanation_files import ExplanationFiles

    names, explain = _with_server(args) if args.server else _with_explainer(args)
    files = ExplanationFiles(folder.path, names, args.threshold, folder.file)
    paths = find_pictures(args.images)
    records, verified = [], []
    with count_bar() as bar:
        task = bar.add_task("Explaining", total=len(paths))
        for path, picture, fields in explain(paths):
            records.append(files.write(path, picture, **fields))
            if args.verify:
                verified.append({**fields, "masks": fields["masks"].mean(axis=(0, 1))})
            _show(records[-1])
            bar.update(task, completed=paths.index(path) + 1)
    if not records:
        raise no_pictures("IMAGES", args.images)
    verdict = _verdict(verified) if args.verify else None
    folder.write_json("explanations.json", records)
    folder.finish()
    return records, len(paths) - len(records), verdict


def _verdict(verified):
    """Tells what the masks of all pictures prove, by their areas: sizes may differ."""
    import numpy as np

    from keras_explainer.explanations.explanation import Explanation

    names = ("masks", "classes", "scores", "kept_scores", "removed_scores")
    areas, classes, scores, *proof = (
        np.stack([fields[name] for fields in verified]) for name in names
    )
    masks = areas[:, None, None]
    return Explanation(masks, classes, scores, None, None, *proof).verdict()


def _with_explainer(args):
    """Returns the names of the classes, and a function from paths to explanations."""
    import numpy as np

    from keras_explainer.loading.pictures import explainer_input
    from keras_explainer.loading.pictures import read_pictures

    with working("Loading the explainer"):
        explainer = load_explainer(args.explainer, **loading_options(args))
    if args.class_names:
        explainer.class_names = read_class_names(
            args.class_names, explainer.frozen.num_classes
        )
    row = None
    if args.targets:
        row = np.zeros(explainer.frozen.num_classes, "float32")
        row[target_classes(args.targets, explainer.display_names)] = 1

    def explain(paths):
        for start in range(0, len(paths), BATCH_SIZE):
            pictures = read_pictures(paths[start : start + BATCH_SIZE])
            if not pictures:
                continue
            found = explainer.explain(
                explainer_input([picture for _, picture in pictures], explainer),
                targets=None if row is None else np.tile(row, (len(pictures), 1)),
                top_k=args.top_k,
                refine_steps=args.refine_steps,
                mirrored=args.mirrored,
                verify=args.verify,
            )
            for i, (path, picture) in enumerate(pictures):
                written = _written_fields(found, args.relevance)
                yield path, picture, {k: values[i] for k, values in written.items()}

    return explainer.display_names, explain


def _with_server(args):
    """The same, from a model server, which tells the names with its answers."""
    from keras_explainer.loading.pictures import read_pictures
    from keras_explainer.serving import Client
    from keras_explainer.serving import ServingError

    try:
        client = Client(args.server)
    except ImportError as error:
        raise CommandError(str(error)) from error
    shown = slice(args.top_k)

    def explain(paths):
        for path, picture in itertools.chain.from_iterable(
            read_pictures([p]) for p in paths
        ):
            try:
                found = client.explain(path, args.verify, args.relevance)
            except ServingError as error:
                # What is not the server's own answer is not about this picture.
                if error.code != "INVALID_ARGUMENT" or not error.answered:
                    raise CommandError(str(error)) from error
                print(f"warning: skipped {path}: {error}", file=sys.stderr)
                continue
            written = _written_fields(found, args.relevance)
            yield path, picture, {k: v[0][..., shown] for k, v in written.items()}

    return client.class_names, explain


def _written_fields(explanation, relevance):
    """Returns what has a value for each mask; both parts only if they were verified."""
    names = ["masks", "classes", "scores", "kept_scores", "removed_scores"]
    names += ["relevance"] if relevance else []
    fields = {name: getattr(explanation, name) for name in names}
    return {name: field for name, field in fields.items() if field is not None}


def _show(record):
    console.print(f"{record['file']}: {', '.join(map(_told, record['classes']))}")


def _told(found):
    told = f"{found['name']} {found['probability']:.2f}"
    if "kept_probability" not in found:
        return told
    kept, removed = found["kept_probability"], found["removed_probability"]
    return f"{told} (alone {kept:.2f}, without {removed:.2f})"
