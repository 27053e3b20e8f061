"""The arguments that say where a run goes, and what its config.json says of them."""

import pathlib
import shlex

_NO_SETTINGS = {"run", "debug", "argv", "out", "force", "resume"}


def add_out(parser):
    """Adds --out, the name of a folder of results."""
    parser.add_argument(
        "--out", required=True, metavar="DIR", help="the folder to write, a new one"
    )


def add_result_arguments(parser, resumed_after, and_so_on=""):
    """Adds --out, --force and --resume.

    Args:
        parser: The parser of the command.
        resumed_after: String, the last thing of an interrupted run that is kept.
        and_so_on: String, what else --resume does.
    """
    result = parser.add_argument_group("result")
    add_out(result)
    again = result.add_mutually_exclusive_group()
    again.add_argument(
        "--force", action="store_true", help="replace an earlier result in --out"
    )
    again.add_argument(
        "--resume",
        action="store_true",
        help=f"continue an interrupted run after {resumed_after}{and_so_on}",
    )


def run_settings(args, paths):
    """Returns what decides the result of a run, for its config.json.

    Args:
        args: Namespace of the command.
        paths: Names of the arguments that may be paths, written out in full.
    """
    settings = {k: v for k, v in vars(args).items() if k not in _NO_SETTINGS}
    for name in paths:
        if settings[name] and pathlib.Path(settings[name]).exists():
            settings[name] = str(pathlib.Path(settings[name]).resolve())
    return settings


def typed_command(args):
    """Returns the command as it was typed, without --force and --resume."""
    words = [word for word in args.argv if word not in ("--force", "--resume")]
    return shlex.join(["keras-explainer", *words])
