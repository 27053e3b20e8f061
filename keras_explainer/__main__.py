"""The command line: `keras-explainer`, or `python -m keras_explainer`."""

import importlib
import re
import sys

import keras_explainer
from keras_explainer.command_line.command_error import CommandError
from keras_explainer.command_line.command_error import Interrupted
from keras_explainer.command_line.command_error import UsageError
from keras_explainer.command_line.command_parser import CommandParser

COMMANDS = (
    "demo",
    "train",
    "explain",
    "explain-bulk",
    "evaluate",
    "export",
    "page",
    "report",
    "study",
    "preferences",
)
DESCRIPTION = """\
Which pixels made this classifier say that? Trains an explainer once for a frozen
Keras classifier; afterwards one forward pass gives a sharp mask for every class.

Guides and API: https://github.com/keras-explainer/keras-explainer/tree/main/docs
In Python: import keras_explainer as kx; help(kx.ExplainerModel)"""
EXAMPLES = [
    "keras-explainer explain photo.jpg",
    "keras-explainer demo",
    "keras-explainer train --classifier mobilenet_v2 --dataset folder --data photos \\",
    "    --out runs/photos",
    "keras-explainer explain --explainer runs/photos holiday.jpg --out explained",
]


def main(argv=None):
    """Runs a command and returns its exit code: 0, 1 (failure) or 2 (usage)."""
    argv = sys.argv[1:] if argv is None else list(argv)
    debug = "--debug" in argv
    args = None
    try:
        args = build_parser().parse_args(argv)
        if args.command is None:
            build_parser().print_help()
            return 0
        args.argv = argv
        args.run(args)
        return 0
    except CommandError as error:
        if debug:
            raise
        label = "" if isinstance(error, Interrupted) else "error: "
        print(f"{label}{error}", file=sys.stderr)
        return error.exit_code
    except KeyboardInterrupt:
        print("Interrupted; nothing was kept.", file=sys.stderr)
        return 130
    except Exception as error:
        if debug:
            raise
        message, code = _plain_message(error, args)
        print(f"error: {message}", file=sys.stderr)
        return code


def build_parser():
    parser = CommandParser(
        prog="keras-explainer", description=DESCRIPTION, examples=EXAMPLES
    )
    version = f"keras-explainer {keras_explainer.__version__}"
    parser.add_argument("--version", action="version", version=version)
    commands = parser.add_subparsers(
        dest="command", metavar="COMMAND", title="commands", prog="keras-explainer"
    )
    for name in COMMANDS:
        module = name.replace("-", "_")
        command = importlib.import_module(f"keras_explainer.commands.{module}")
        added = commands.add_parser(
            name,
            help=command.SUMMARY,
            description=command.DESCRIPTION,
            examples=command.EXAMPLES,
            usual=getattr(command, "USUAL", ()),
            details=getattr(command, "DETAILS", ""),
        )
        command.add_arguments(added)
        added.add_argument(
            "--debug", action="store_true", help="show where an error comes from"
        )
        added.set_defaults(run=command.run)
    return parser


# Arguments of the library under other names than on the command line.
_FLAGS = {"root": "data", "directory": "data", "path": "out", "url": "server"}


def _plain_message(error, args):
    """Returns one sentence about an error of the library, and the exit code.

    What the library says about its own argument is said about the flag; anything
    else that is no ValueError or OSError was not foreseen.
    """
    message = " ".join(str(error).split()) or "no message"
    about = re.match(r"Argument `(\w+)`", message)
    name = about and _FLAGS.get(about[1], about[1])
    if name and hasattr(args, name):
        flag = f"--{name.replace('_', '-')}"
        return message.replace(f"`{about[1]}`", flag, 1), UsageError.exit_code
    if not isinstance(error, (ValueError, OSError)):
        message = f"{type(error).__name__}: {message[:300]} (--debug shows where)"
    return message, CommandError.exit_code


if __name__ == "__main__":
    sys.exit(main())
