"""`keras-explainer explain-bulk`: explains very many images with Apache Beam."""

import importlib
import logging
import pathlib

from keras_explainer.bulk.output_folder import FEWEST_SHARDS
from keras_explainer.bulk.output_folder import SHARD_SIZE
from keras_explainer.bulk.output_folder import prepared_folder
from keras_explainer.bulk.run_pipeline import run_pipeline
from keras_explainer.command_line.argument_types import fraction
from keras_explainer.command_line.argument_types import whole_number
from keras_explainer.command_line.command_error import CommandError
from keras_explainer.command_line.command_error import UsageError
from keras_explainer.command_line.console import console
from keras_explainer.command_line.console import working
from keras_explainer.command_line.loading_arguments import add_loading_arguments
from keras_explainer.command_line.loading_arguments import loading_options
from keras_explainer.command_line.quiet_tensorflow import quiet_tensorflow
from keras_explainer.loading.load_explainer import find_explainer
from keras_explainer.loading.load_explainer import load_explainer

SUMMARY = "explain very many images, on one machine or any Apache Beam runner"
DESCRIPTION = """\
Explains all images of files or TFRecord files (features image/encoded or image of
tf.train.Example) with an Apache Beam pipeline. The result folder has

  masks-*.tfrecord   a row for each image: its path, most probable classes, masks, and
  (or .parquet)      all probabilities; keras_explainer.bulk.read_explanations reads it
  failed-*.jsonl     path and reason of each image that could not be read"""
DETAILS = """\
After a crash the same command goes on: shards that are there are not done again, and
each image is in one shard, once. All other flags are passed on to Beam."""
USUAL = [
    *("--explainer", "--input", "--output", "--runner"),
    *("--top-k", "--masks", "--verify", "--format"),
]
EXAMPLES = [
    "keras-explainer explain-bulk --explainer runs/pets --input 'images/*.jpg' \\",
    "    --output explained --direct_num_workers 2 \\",
    "    --direct_running_mode multi_processing",
    "keras-explainer explain-bulk --explainer saved_models/pets/1 \\",
    "    --input 'gs://photos/*.tfrecord' --output gs://photos/explained \\",
    "    --masks rle --format parquet --runner FlinkRunner --flink_master HOST:8081",
]
# What Beam says in every run, to nobody's use.
_NOTICES = ("apitools not found", "Resource module is not available")


def add_arguments(parser):
    parser.set_defaults(other_arguments=[])  # Not refused: they are Beam's.
    parser.add_argument(
        "--explainer",
        required=True,
        metavar="PATH",
        help="a run folder, an explainer saved as .keras, or the version folder of an "
        "exported one, which all workers can read",
    )
    parser.add_argument(
        "--input",
        required=True,
        nargs="+",
        metavar="IMAGES",
        help="files, folders or patterns; names with .tfrecord in them are TFRecord "
        "files",
    )
    parser.add_argument(
        "--output",
        required=True,
        metavar="DIR",
        help="the folder to write: a new one, or that of an interrupted run",
    )
    parser.add_argument(
        "--runner",
        default="DirectRunner",
        metavar="NAME",
        help="the Beam runner (default: DirectRunner, this machine)",
    )
    parser.add_argument(
        "--batch-size",
        type=whole_number(1),
        default=16,
        metavar="N",
        help="images explained at once (default: 16)",
    )
    _add_masks(parser)
    add_loading_arguments(parser)


def _add_masks(parser):
    parser.add_argument(
        "--top-k",
        type=whole_number(1),
        default=3,
        metavar="N",
        help="masks of the N most probable classes (default: 3, or what was exported, "
        "if less)",
    )
    parser.add_argument(
        "--masks",
        choices=("png", "rle"),
        default="png",
        help="grey PNG files, or COCO's compressed run lengths (default: png)",
    )
    parser.add_argument(
        "--threshold",
        type=fraction,
        metavar="T",
        help="make masks black and white at T (default: PNG grey, run lengths at 0.5)",
    )
    parser.add_argument(
        "--verify",
        action="store_true",
        help="store for each mask the probability of its class from what it keeps, and "
        "from what it leaves: two more passes of the classifier for each",
    )
    parser.add_argument(
        "--format",
        choices=("tfrecord", "parquet"),
        default="tfrecord",
        help="the files to write (default: tfrecord)",
    )
    parser.add_argument(
        "--shards",
        type=whole_number(1),
        metavar="N",
        help="how many files to divide the result into; each process holds one in "
        f"memory (default: one for {SHARD_SIZE} images, at least {FEWEST_SHARDS})",
    )


def run(args):
    _check_beam()
    explainer = _find_model(args.explainer)
    quiet_tensorflow()
    inputs = _find_inputs(args.input)
    loaded = _loaded(args, explainer)
    folder = prepared_folder(args, explainer, inputs)
    with working("Exporting the explainer"):
        model = _exported(args, explainer, loaded, folder)
    expected = {folder.masks(folder.shard_of(path)) for path in inputs}
    before = len(expected & folder.finished())
    counts = run_pipeline(args, folder, model, expected)
    missing = len(expected - folder.finished())
    if missing:
        raise CommandError(
            f"The runner should write {len(expected)} shards; the same command writes "
            f"what is missing. Received: {missing} fewer"
        )
    earlier = f"; {before} of {len(expected)} shards were there before"
    console.print(
        f"Read {sum(counts.values())} images: explained {counts['explained']}, failed "
        f"{counts['failed']}{earlier if before else ''}; see {args.output}"
    )


# === What is given ===


def _check_beam():
    logging.getLogger().addFilter(lambda r: not r.getMessage().startswith(_NOTICES))
    try:
        importlib.import_module("apache_beam")
    except ImportError as error:
        raise CommandError(
            "Command explain-bulk needs the package of the extra `beam`: "
            f"pip install 'keras_explainer[beam]'. Received: {error}"
        ) from error


def _find_model(path):
    """Returns the `.keras` file or the version folder that --explainer stands for."""
    if "://" in path:
        return path
    is_exported = (pathlib.Path(path) / "saved_model.pb").is_file()
    return str(pathlib.Path(path) if is_exported else find_explainer(path))


def _find_inputs(names):
    from keras_explainer.bulk.bulk_folder import matching_paths
    from keras_explainer.loading.pictures import find_pictures

    elsewhere = [name for name in names if "://" in name]
    inputs = [path for name in elsewhere for path in matching_paths(name)]
    # All at once, so that a file of two names is one.
    for path in find_pictures([name for name in names if name not in elsewhere]):
        inputs += [str(path)] if path.exists() else []
    if not inputs:
        raise UsageError(
            "Argument --input should name at least one file. "
            f"Received: {' '.join(names)}"
        )
    return sorted(set(inputs))


# === The explainer ===


def _loaded(args, explainer):
    """Returns the explainer to export, or None; complains before a file is written."""
    if pathlib.Path(explainer).suffix != ".keras":
        _check_signatures(explainer, args.verify)
        return None
    if "://" in args.output:
        raise UsageError(
            "Argument --explainer should be an exported version folder that all "
            f"workers can read, for an --output elsewhere. Received: {args.explainer}"
        )
    is_exported = (pathlib.Path(args.output) / "explainer" / "1").exists()
    if is_exported:
        return None
    return load_explainer(explainer, **loading_options(args))


def _exported(args, explainer, loaded, folder):
    """Returns the version folder: the one given, or one written into --output."""
    if pathlib.Path(explainer).suffix != ".keras":
        return explainer
    version = pathlib.Path(folder.file("explainer")) / "1"
    if loaded is not None:
        size = tuple(loaded.frozen.image_shape[:2])
        version.parent.mkdir(exist_ok=True)
        loaded.export(version, top_k=args.top_k, mask_size=size, max_batch_size=1)
    return str(version.resolve())


def _check_signatures(path, verify):
    from keras_explainer.keras_internals import signature_outputs

    if "://" in path:
        return
    served = signature_outputs(path)
    if "masks" not in served["serving_default"]:
        raise UsageError(
            "Argument --explainer should be a version folder that `keras-explainer "
            f"export` wrote. Received: {path}, whose serving_default returns no masks"
        )
    if verify and "explain_and_verify" not in served:
        raise UsageError(
            "Argument --explainer should be exported anew by `keras-explainer export` "
            f"for --verify. Received: {path}, which has no signature explain_and_verify"
        )
