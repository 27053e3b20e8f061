"""`keras-explainer explain-bulk`: explains very many images with Apache Beam."""

import contextlib
import hashlib
import logging
import os
import pathlib
import sys
import threading

from keras_explainer.commands.command_error import CommandError
from keras_explainer.commands.command_error import Interrupted
from keras_explainer.commands.command_error import UsageError
from keras_explainer.commands.command_parser import share
from keras_explainer.commands.command_parser import whole_number
from keras_explainer.commands.console import console
from keras_explainer.commands.load_explainer import find_explainer
from keras_explainer.commands.load_explainer import load_explainer
from keras_explainer.commands.quiet_tensorflow import quiet_tensorflow

SUMMARY = "explain very many images, on one machine or any Apache Beam runner"
DESCRIPTION = """\
Explains all images of files or TFRecord files (features image/encoded or image of
tf.train.Example) with an Apache Beam pipeline. The result folder has

  masks-*.tfrecord   a row for each image: its path, most probable classes, masks, and
  (or .parquet)      all probabilities; keras_explainer.bulk.read_explanations reads it
  failed-*.jsonl     path and reason of each image that could not be read

After a crash the same command goes on: shards that are there are not done again, and
each image is in one shard, once. All other flags are passed on to Beam."""
EXAMPLES = [
    "keras-explainer explain-bulk --explainer runs/pets --input 'images/*.jpg' \\",
    "    --output explained --direct_num_workers 2 \\",
    "    --direct_running_mode multi_processing",
    "keras-explainer explain-bulk --explainer saved_models/pets/1 \\",
    "    --input 'gs://photos/*.tfrecord' --output gs://photos/explained \\",
    "    --masks rle --format parquet --runner FlinkRunner --flink_master HOST:8081",
]
_COMMAND = "explain-bulk"
# Images that a shard has on average, and how many shards there are at least.
_SHARD_SIZE, _FEWEST_SHARDS = 500, 16
_SECONDS_BETWEEN_LOOKS = 1.0
_SECONDS_FOR_ITS_OWN_END = 5.0
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
        type=share,
        metavar="T",
        help="make masks black and white at T (default: PNG grey, run lengths at 0.5)",
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
        f"memory (default: one for {_SHARD_SIZE} images, at least {_FEWEST_SHARDS})",
    )


def run(args):
    _check_beam()
    explainer = _find_model(args.explainer)
    quiet_tensorflow()
    inputs = _find_inputs(args.input)
    loaded = _loaded(args, explainer)
    folder = _prepare(args, explainer, inputs)
    model = _exported(args, explainer, loaded, folder)
    expected = {folder.masks(folder.shard_of(path)) for path in inputs}
    before = len(expected & folder.finished())
    counts = _run_pipeline(args, folder, model, expected)
    missing = len(expected - folder.finished())
    if missing:
        raise CommandError(
            f"The runner should write {len(expected)} shards; the same command writes "
            f"what is missing. Received: {missing} fewer"
        )
    earlier = f"; {before} of {len(expected)} shards were there before"
    console.print(
        f"Read {counts['read']} images: explained {counts['explained']}, failed "
        f"{counts['failed']}{earlier if before else ''}; see {args.output}"
    )


# === What is given ===


def _check_beam():
    logging.getLogger().addFilter(lambda r: not r.getMessage().startswith(_NOTICES))
    try:
        import apache_beam
    except ImportError as error:
        raise CommandError(
            "Command explain-bulk needs the package of the extra `beam`: "
            f"pip install 'keras_explainer[beam]'. Received: {error}"
        ) from error
    assert apache_beam


def _find_model(path):
    """Returns the `.keras` file or the version folder that --explainer stands for."""
    if "://" in path:
        return path
    is_exported = (pathlib.Path(path) / "saved_model.pb").is_file()
    return str(pathlib.Path(path) if is_exported else find_explainer(path))


def _find_inputs(names):
    from keras_explainer.bulk.bulk_folder import matching
    from keras_explainer.commands.picture_files import find_pictures

    elsewhere = [name for name in names if "://" in name]
    inputs = [path for name in elsewhere for path in matching(name)]
    # All at once, so that a file of two names is one.
    for path in find_pictures([name for name in names if name not in elsewhere]):
        inputs += [str(path)] if path.exists() else []
    if not inputs:
        raise UsageError(
            "Argument --input should name at least one file. "
            f"Received: {' '.join(names)}"
        )
    return sorted(set(inputs))


# === The folder ===


def _prepare(args, explainer, inputs):
    """Returns the folder, new or with the results of the same run before."""
    from apache_beam.io.filesystems import FileSystems

    from keras_explainer.bulk.bulk_folder import BulkFolder
    from keras_explainer.bulk.bulk_folder import matching
    from keras_explainer.bulk.bulk_folder import read_json_lines
    from keras_explainer.bulk.bulk_folder import write_json_lines

    settings = {
        "command": _COMMAND,
        "explainer": _digest(explainer),
        "input": args.input,
        "top_k": args.top_k,
        "masks": args.masks,
        "threshold": args.threshold,
        "format": args.format,
    }
    shards = max(-(-len(inputs) // _SHARD_SIZE), _FEWEST_SHARDS)
    config = FileSystems.join(args.output, "config.json")
    earlier = _earlier_settings(config)
    if earlier:
        shards = args.shards or earlier["shards"]
        _check_same(args, {**settings, "shards": shards}, earlier)
    elif matching(FileSystems.join(args.output, "*")):
        raise UsageError(
            "Argument --output should be a new folder, or that of an interrupted run. "
            f"Received: {args.output}, which holds other files"
        )
    else:
        shards = args.shards or shards
        with contextlib.suppress(OSError):  # It exists, and is empty.
            FileSystems.mkdirs(args.output)
        write_json_lines(config, [{**settings, "shards": shards}])
    folder = BulkFolder(args.output, shards, args.format)
    folder.drop_partial()
    names = read_json_lines(folder.file("inputs.jsonl"))
    if names is None:
        write_json_lines(folder.file("inputs.jsonl"), inputs)
    elif names != inputs:
        raise UsageError(
            "Argument --input should name the files that it named when the run in "
            f"--output began, {len(names)}. Received: {len(inputs)}, of which "
            f"{len(set(inputs) - set(names))} are new"
        )
    return folder


def _earlier_settings(path):
    """Returns the settings of the run before, or None if there was none of ours."""
    from keras_explainer.bulk.bulk_folder import read_json_lines

    try:
        values = read_json_lines(path) or [{}]
    except ValueError:  # Other JSON, or none.
        return None
    is_ours = isinstance(values[0], dict) and values[0].get("command") == _COMMAND
    return values[0] if is_ours else None


def _check_same(args, settings, earlier):
    for name, value in settings.items():
        if earlier.get(name) != value:
            received = getattr(args, name, None)
            before = "the one" if name == "explainer" else repr(earlier.get(name))
            raise UsageError(
                f"Argument --{name.replace('_', '-')} should be {before} of the run in "
                f"--output, or --output a new folder. Received: {received!r}"
            )


def _digest(explainer):
    """Returns what tells one explainer from another: the path, or better the bytes."""
    if "://" in explainer:
        return explainer
    path, digest = pathlib.Path(explainer), hashlib.sha256()
    files = [path] if path.is_file() else sorted(path.glob("variables/*"))
    for file in files:
        with open(file, "rb") as content:
            digest.update(hashlib.file_digest(content, "sha256").digest())
    return digest.hexdigest()


def _loaded(args, explainer):
    """Returns the explainer to export, or None; complains before a file is written."""
    if pathlib.Path(explainer).suffix != ".keras":
        _check_signature(explainer)
        return None
    if "://" in args.output:
        raise UsageError(
            "Argument --explainer should be an exported version folder that all "
            f"workers can read, for an --output elsewhere. Received: {args.explainer}"
        )
    is_exported = (pathlib.Path(args.output) / "explainer" / "1").exists()
    return None if is_exported else load_explainer(explainer)


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


def _check_signature(path):
    from tensorflow.python.saved_model.loader_impl import parse_saved_model

    if "://" in path:
        return
    signatures = parse_saved_model(path).meta_graphs[0].signature_def
    if "masks" not in signatures["serving_default"].outputs:
        raise UsageError(
            "Argument --explainer should be a version folder that `keras-explainer "
            f"export` wrote. Received: {path}, whose serving_default returns no masks"
        )


# === The run ===


def _run_pipeline(args, folder, model, expected):
    """Runs the pipeline and returns its counters."""
    import apache_beam as beam
    from apache_beam.options.pipeline_options import PipelineOptions

    from keras_explainer.bulk.explain_images import explain_images

    # Workers speak up about errors; a level among the other arguments comes later.
    quiet = "--default_sdk_harness_log_level=ERROR"
    flags = [f"--runner={args.runner}", quiet, *args.other_arguments]
    if args.runner == "DirectRunner":
        # It would first try to download Prism, which knows no --direct_num_workers;
        # Prism is refused for pipelines with this flag, which has no effect on ours.
        flags.append("--allow_unsafe_triggers")
    try:
        pipeline = beam.Pipeline(options=PipelineOptions(flags))
    except ValueError as error:
        raise UsageError(
            "Argument --runner, with the flags for Beam, should be one that Beam "
            f"knows. Received: {args.runner} ({error})"
        ) from error
    try:
        explain_images(
            pipeline,
            folder,
            folder.file("inputs.jsonl"),
            model,
            batch_size=args.batch_size,
            top_k=args.top_k,
            kind=args.masks,
            threshold=args.threshold,
        )
        with _progress(folder, expected), _giving_up_with_a_worker():
            result = pipeline.run()
            result.wait_until_finish()
    except KeyboardInterrupt:
        raise Interrupted("Interrupted; the same command goes on from here.") from None
    # Runners, and the workers of theirs, raise what they like.
    except Exception as error:
        lines = [line.strip() for line in str(error).splitlines() if line.strip()]
        raise CommandError(
            "The pipeline should run to its end; the same command goes on from here. "
            f"Received: {lines[-1] if lines else type(error).__name__}"
        ) from error
    found = result.metrics().query(
        beam.metrics.MetricsFilter().with_namespace("explain_bulk")
    )
    counts = dict.fromkeys(("read", "explained", "failed"), 0)
    for counter in found["counters"]:
        counts[counter.key.metric.name] += counter.result or 0
    return counts


@contextlib.contextmanager
def _progress(folder, expected):
    """Shows how many shards are finished, as long as the block runs."""
    from rich.progress import BarColumn
    from rich.progress import MofNCompleteColumn
    from rich.progress import Progress
    from rich.progress import TextColumn
    from rich.progress import TimeElapsedColumn
    from rich.progress import TimeRemainingColumn

    stopped = threading.Event()
    bar = Progress(
        TextColumn("shards"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
        console=console,
        transient=True,
    )
    task = bar.add_task("shards", total=len(expected))

    def look():
        while not stopped.wait(_SECONDS_BETWEEN_LOOKS):
            bar.update(task, completed=len(expected & folder.finished()))

    looking = threading.Thread(target=look, daemon=True)
    with bar:
        looking.start()
        try:
            yield
        finally:
            stopped.set()
            looking.join()


@contextlib.contextmanager
def _giving_up_with_a_worker():
    """Ends the process if one of DirectRunner's is killed, which it would wait for."""
    stopped, before = threading.Event(), threading.excepthook

    def give_up(failed):
        # Beam's thread that waits for a process; an error that the pipeline itself
        # stops for has the first word.
        if failed.thread is None or failed.thread.name != "run_worker":
            before(failed)
        elif not stopped.wait(_SECONDS_FOR_ITS_OWN_END):
            print(
                "\nerror: The pipeline should run to its end; the same command goes on "
                f"from here. Received: {failed.exc_value}",
                file=sys.stderr,
                flush=True,
            )
            os._exit(CommandError.exit_code)  # Beam's threads would stop an exit.

    threading.excepthook = give_up
    try:
        yield
    finally:
        threading.excepthook = before
        stopped.set()
