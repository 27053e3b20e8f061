"""`keras-explainer evaluate`: compares an explainer with other methods."""

from keras_explainer.command_line.argument_types import name_list
from keras_explainer.command_line.argument_types import whole_number
from keras_explainer.command_line.command_error import CommandError
from keras_explainer.command_line.command_error import Interrupted
from keras_explainer.command_line.console import console
from keras_explainer.command_line.console import working
from keras_explainer.command_line.data_arguments import add_dataset
from keras_explainer.command_line.data_arguments import add_image_size
from keras_explainer.command_line.data_arguments import check_data_arguments
from keras_explainer.command_line.loading_arguments import add_explainer
from keras_explainer.command_line.loading_arguments import add_loading_arguments
from keras_explainer.command_line.loading_arguments import loading_options
from keras_explainer.command_line.quiet_tensorflow import quiet_tensorflow
from keras_explainer.command_line.result_arguments import add_result_arguments
from keras_explainer.command_line.result_arguments import run_settings
from keras_explainer.command_line.result_arguments import typed_command
from keras_explainer.loading.load_explainer import find_explainer
from keras_explainer.loading.load_explainer import load_explainer
from keras_explainer.runs.evaluation_folder import EvaluationFolder

SUMMARY = "compare an explainer with other methods, in one table"
DESCRIPTION = """\
Measures an explainer and other attribution methods on the same images: against true
masks, and against the classifier. The result is a folder with

  table.md, table.csv, results.json   every metric, with its 95 % bootstrap interval
  curves.png                          insertion, deletion and IoU over thresholds
  class_discrimination.png            what the mask of one class keeps of another
  gallery.png                         image, ground truth and a column per method
  measured/<method>.npz               the values of every image"""
DETAILS = """\
methods:
  explainer               the trained explainer: one pass for all classes
  explainer_refined       the same, and 10 steps on each mask: 31 passes per class
  grad_cam                1 pass per class
  guided_backprop         1 pass per class; a negative control
  integrated_gradients    50 passes per class
  smooth_grad             50 passes per class
  attention_rollout       1 pass per class; transformers, the same for all classes
  attention_relevance     1 pass per class; transformers
  rise                    8000 passes per image (slow)
  extremal_perturbation   3205 passes per class (slow)
  igos_plus_plus          up to 1920 passes per class (slow)
  zero, half, one         the same value at every pixel
  random                  smooth noise
  random_area             random blobs with the areas of the explainer's masks
  ideal                   the true mask, where the data has one

A method that fails is told in its row, and the others go on. What was measured before
an interruption is kept in <out>.partial, for --resume."""
USUAL = [
    *("--explainer", "--methods", "--dataset", "--data", "--split"),
    *("--classes", "--limit", "--out", "--force", "--resume"),
]
EXAMPLES = [
    "keras-explainer evaluate --explainer runs/pets --dataset voc --data VOCdevkit \\",
    "    --split val --limit 100 --out runs/pets_compared",
    "keras-explainer evaluate --explainer runs/pets --dataset voc --data VOCdevkit \\",
    "    --methods explainer,grad_cam,rise,one,ideal --slow-limit 10 \\",
    "    --protocol published --out runs/pets_published",
]
# All that need less than an hour for a hundred images.
DEFAULT_METHODS = (
    *("explainer", "grad_cam", "zero", "half", "one", "random", "random_area"),
    "ideal",
)
_PATHS = ("explainer", "data")
# What only a dataset of files has.
_FILE_OPTIONS = ("data", "split", "classes")


def add_arguments(parser):
    _add_methods(parser.add_argument_group("what to compare"))
    _add_data(parser.add_argument_group("images to measure on"))
    _add_computation(parser.add_argument_group("computation"))
    add_result_arguments(parser, "the last image measured")


def _add_methods(group):
    add_explainer(group)
    group.add_argument(
        "--methods",
        type=name_list,
        default=list(DEFAULT_METHODS),
        metavar="A,B,C",
        help=f"the rows of the table (default: {','.join(DEFAULT_METHODS)})",
    )
    group.add_argument(
        "--protocol",
        choices=["default", "published"],
        default="default",
        help='"published" does as the authors of the method did, and says what of it '
        "is an accident",
    )
    add_loading_arguments(group)


def _add_data(group):
    add_dataset(group, "no true masks")
    group.add_argument(
        "--split",
        metavar="NAME",
        help="which images (default: val; in a folder all of it, else its subfolder "
        "of that name)",
    )
    group.add_argument(
        "--classes",
        type=name_list,
        metavar="A,B,C",
        help="classes of the dataset, in the classifier's order (default: those the "
        "explainer was trained with)",
    )
    add_image_size(group)
    group.add_argument(
        "--limit",
        type=whole_number(1),
        metavar="N",
        help="use only the first N images (default: all)",
    )
    group.add_argument(
        "--slow-limit",
        type=whole_number(1),
        metavar="N",
        help="use only the first N images for the slow methods (default: as --limit)",
    )
    group.add_argument(
        "--discrimination-limit",
        type=whole_number(0),
        default=32,
        metavar="N",
        help="measure the class-discrimination gap, for which a mask of every class is"
        " needed, on the first N images (default: %(default)s)",
    )


def _add_computation(group):
    group.add_argument(
        "--batch-size",
        type=whole_number(1),
        default=8,
        metavar="N",
        help="images measured together (default: %(default)s; slow methods: 1)",
    )
    group.add_argument(
        "--seed",
        type=whole_number(0),
        default=0,
        metavar="N",
        help="of the methods, random masks and the bootstrap (default: %(default)s)",
    )


def run(args):
    find_explainer(args.explainer)
    check_data_arguments(args, _FILE_OPTIONS)
    with EvaluationFolder(
        args.out, run_settings(args, _PATHS), force=args.force, resume=args.resume
    ) as folder:
        try:
            quiet_tensorflow()
            _evaluate(args, folder)
        except KeyboardInterrupt:
            raise Interrupted(_how_to_continue(args, folder)) from None
    console.print(f"\nWrote the tables and pictures to {args.out}")


def _evaluate(args, folder):
    from keras_explainer.evaluation import PROTOCOLS
    from keras_explainer.evaluation import evaluate_methods
    from keras_explainer.evaluation.method_rows import check_methods
    from keras_explainer.explainers.background_answers import background_problem
    from keras_explainer.loading.evaluation_data import load_evaluation_data
    from keras_explainer.runs.evaluation_files import write_evaluation
    from keras_explainer.runs.evaluation_progress import EvaluationProgress

    check_methods(args.methods)
    with working("Loading the explainer and the data"):
        explainer = load_explainer(args.explainer, **loading_options(args))
        data = load_evaluation_data(args, explainer)
    slow = min(args.slow_limit or data.count, data.count)
    notes = _notes(args, data, slow, PROTOCOLS[args.protocol])
    problem = background_problem(explainer)
    notes += [problem] if problem else []
    for note in notes:
        console.print(note)
    with EvaluationProgress(args.methods, data.count, slow) as progress:
        results = evaluate_methods(
            explainer,
            data.dataset,
            args.methods,
            folder=folder.measured(args.methods),
            protocol=args.protocol,
            slow_limit=args.slow_limit,
            discrimination_limit=args.discrimination_limit,
            seed=args.seed,
            progress=progress.update,
        )
    notes += _left_out(results, data, slow)
    with working("Writing tables and pictures"):
        table = write_evaluation(folder, results, explainer, data, notes, args.seed)
    _show(table)
    if len(table.failures) == len(results):
        raise CommandError(
            "Argument --methods should name at least one that can be measured. "
            f"Received: {','.join(args.methods)} ({table.failures[0]})"
        )
    folder.finish()


def _notes(args, data, slow, protocol):
    """What has to be known beside the table, a sentence or list each."""
    from keras_explainer.evaluation import METHOD_ROWS

    source = args.data or args.dataset
    if args.dataset == "shapes":
        source = "shapes drawn on the fly"
    notes = [f"images: {data.count} of {source}; explained: {data.targets}."]
    few = [METHOD_ROWS[n].label for n in args.methods if METHOD_ROWS[n].is_slow]
    if few and slow < data.count:
        notes.append(f"the first {slow} images only: {', '.join(few)}.")
    if 0 < args.discrimination_limit < data.count:
        notes.append(
            f"discrimination gap: of the first {args.discrimination_limit} images."
        )
    for said, sentences in (
        (f"protocol {protocol.name}, with its accidents:", protocol.accidents),
        ("not reproduced:", protocol.left_out),
    ):
        if sentences:
            notes.append("\n".join([said, *(f"- {text}" for text in sentences)]))
    return notes


def _left_out(results, data, slow):
    """Says how many images could not be used, once that is known."""
    from keras_explainer.evaluation import METHOD_ROWS

    missing = [
        (slow if METHOD_ROWS[name].is_slow else data.count) - result.images
        for name, result in results.items()
        if not result.failure
    ]
    if max(missing, default=0) <= 0:
        return []
    note = (
        f"left out: {max(missing)} images that cannot be read or have none of the "
        "classes."
    )
    console.print(note)
    return [note]


def _show(table):
    """Prints the table, in parts where the screen is too narrow for the whole."""
    from rich.console import Console

    # Files and pipes have room.
    wide = Console(file=console.file, width=400, highlight=False, markup=False)
    room = console.width if console.is_terminal else wide.width
    parts = [[]]
    for metric in table.main_metrics:
        tried = table.screen([*parts[-1], metric])
        if parts[-1] and wide.measure(tried).maximum > room:
            parts.append([])
        parts[-1].append(metric)
    for part in parts:
        wide.print(table.screen(part))
    for line in table.legend():
        console.print(line)
    if control := table.control():
        console.print(f"\n{control}")
    for failure in table.failures:
        console.print(failure)


def _how_to_continue(args, folder):
    command = typed_command(args)
    if folder.can_resume:
        return f"Interrupted {folder.progress}; to continue: {command} --resume"
    return f"Interrupted before the first image; to start again: {command}"
