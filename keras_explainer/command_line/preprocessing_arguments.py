"""The arguments that say what a classifier takes instead of raw pixels."""

import argparse
import fractions

from keras_explainer.command_line.command_error import UsageError


def add_preprocessing_arguments(group):
    """Adds --preprocess-input, --scale and --offset to a group of arguments."""
    group.add_argument(
        "--preprocess-input",
        metavar="WHAT",
        help="what the classifier takes, only where that is not recognised: a range "
        "such as 0..1 or -1..1, identity (pixels from 0 to 255), a module of "
        "keras.applications, or a function of your own by the name under which it is "
        "registered (--import)",
    )
    group.add_argument(
        "--scale",
        type=_number,
        metavar="S",
        help="the classifier takes pixels multiplied by S, such as 1/255",
    )
    group.add_argument(
        "--offset",
        type=_number,
        metavar="O",
        help="and then moved by O, such as -1",
    )


def preprocessing_of(args):
    """Returns the `preprocess_input` that the arguments ask for.

    Args:
        args: Namespace with `preprocess_input`, `scale` and `offset`.

    Raises:
        UsageError: If they contradict each other.
    """
    import keras

    scaled = args.scale is not None or args.offset is not None
    if not scaled:
        name = args.preprocess_input or "auto"
        return keras.saving.get_registered_object(name) or name
    if args.preprocess_input:
        flag = "--offset" if args.scale is None else "--scale"
        raise UsageError(
            f"Argument {flag} should be left out with --preprocess-input. Received: "
            f"{args.preprocess_input} and {flag}"
        )
    if args.scale is None:
        raise UsageError(
            "Argument --offset should come with --scale, such as --scale 1. Received: "
            f"--offset {args.offset}"
        )
    return keras.layers.Rescaling(args.scale, args.offset or 0.0)


def _number(text):
    """Argument type: a number, or a fraction."""
    try:
        return float(fractions.Fraction(text.replace(" ", "")))
    except (ValueError, ZeroDivisionError):
        raise argparse.ArgumentTypeError(
            f"should be a number, or a fraction such as 1/255. Received: {text!r}"
        ) from None
