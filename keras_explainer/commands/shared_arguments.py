"""The arguments that `train` and `evaluate` have in common, and what they mean."""

import pathlib
import shlex

from keras_explainer.commands.command_error import UsageError
from keras_explainer.commands.command_parser import whole_number

_NOT_SETTINGS = {"run", "debug", "argv", "out", "force", "resume"}


def add_image_size(group):
    """Adds --image-size to a group of arguments."""
    group.add_argument(
        "--image-size",
        type=whole_number(32),
        metavar="N",
        help="height and width, for a classifier that leaves them open (default: 224)",
    )


def add_result_arguments(parser, resumed_after):
    """Adds --out, --force and --resume.

    Args:
        parser: The parser of the command.
        resumed_after: String, the last thing of an interrupted run that is kept.
    """
    result = parser.add_argument_group("result")
    result.add_argument(
        "--out", required=True, metavar="DIR", help="the folder to write, a new one"
    )
    again = result.add_mutually_exclusive_group()
    again.add_argument(
        "--force", action="store_true", help="replace an earlier result in --out"
    )
    again.add_argument(
        "--resume",
        action="store_true",
        help=f"continue an interrupted run after {resumed_after}",
    )


def check_data(args, file_options):
    """Refuses --data and its like where they do not suit --dataset.

    Args:
        args: Namespace with `dataset`, `data` and the file options.
        file_options: Names of the arguments that only a dataset of files has.

    Raises:
        UsageError: If the folder is missing, or shapes are to be read from files.
    """
    if args.dataset == "shapes":
        given = [name for name in file_options if getattr(args, name)]
        if given:
            flag = f"--{given[0].replace('_', '-')}"
            raise UsageError(
                f"Argument {flag} should be left out with --dataset shapes, which has "
                f"no files. Received: {flag}"
            )
    elif args.dataset.startswith("tfds:"):
        if args.classes:
            raise UsageError(
                "Argument --classes should be left out with --dataset tfds, whose "
                f"classes are as they are. Received: {','.join(args.classes)}"
            )
    elif not args.data or not pathlib.Path(args.data).is_dir():
        raise UsageError(
            f"Argument --data should be an existing folder for --dataset "
            f"{args.dataset}. Received: {args.data or 'nothing'}"
        )


def settings_of(args, paths):
    """Returns what decides the result of a run, for its config.json.

    Args:
        args: Namespace of the command.
        paths: Names of the arguments that may be paths, written out in full.
    """
    settings = {k: v for k, v in vars(args).items() if k not in _NOT_SETTINGS}
    for name in paths:
        if settings[name] and pathlib.Path(settings[name]).exists():
            settings[name] = str(pathlib.Path(settings[name]).resolve())
    return settings


def command_again(args):
    """Returns the command as it was typed, without --force and --resume."""
    words = [word for word in args.argv if word not in ("--force", "--resume")]
    return shlex.join(["keras-explainer", *words])
