"""The arguments of commands that load models of the user's own making."""

import importlib
import importlib.util
import pathlib
import sys

from keras_explainer.command_line.command_error import UsageError


def add_explainer(parser, required=True):
    """Adds --explainer.

    Args:
        parser: The parser of the command, or a group of it.
        required: Boolean. Whether it has to be given.
    """
    parser.add_argument(
        "--explainer",
        required=required,
        metavar="PATH",
        help="a run folder, an explainer saved as .keras, or one that comes with the "
        "package: imagenet (for photographs) or shapes",
    )


def add_loading_arguments(parser):
    """Adds --import and --safe-mode.

    Args:
        parser: The parser of the command, or a group of it.
    """
    parser.add_argument(
        "--import",
        action="append",
        metavar="MODULE",
        help="a module, or a .py file, that registers functions and layers of your own "
        "with Keras; may be given several times",
    )
    parser.add_argument(
        "--safe-mode",
        choices=["true", "false"],
        help="whether Keras refuses models that hold code, such as a lambda; false "
        "only for files that you trust (default: true)",
    )


def loading_options(args):
    """Imports what --import names, and returns how models are to be loaded.

    Args:
        args: Namespace of the command.

    Returns:
        Dict of options of `load_classifier` and `load_explainer`.

    Raises:
        UsageError: If a module cannot be imported.
    """
    for name in getattr(args, "import") or []:
        _import(name)
    return {"safe_mode": args.safe_mode != "false"}


def _import(name):
    expected = "Argument --import should be a module or a .py file that can be imported"
    path = pathlib.Path(name)
    try:
        if path.suffix == ".py":
            _run_file(path)
        else:
            _import_module(name)
    # A module may raise anything as it is imported.
    except Exception as error:
        reason = " ".join(str(error).split()) or type(error).__name__
        raise UsageError(f"{expected}. Received: {name} ({reason})") from error


def _run_file(path):
    if not path.is_file():
        raise FileNotFoundError("no such file")
    if path.stem in sys.modules:
        return
    spec = importlib.util.spec_from_file_location(path.stem, path)
    module = sys.modules[path.stem] = importlib.util.module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[path.stem]
        raise


def _import_module(name):
    # As `python -m` would find it; an installed command does not look here.
    here = str(pathlib.Path.cwd())
    if here in sys.path or "" in sys.path:
        importlib.import_module(name)
        return
    sys.path.insert(0, here)
    try:
        importlib.import_module(name)
    finally:
        sys.path.remove(here)
