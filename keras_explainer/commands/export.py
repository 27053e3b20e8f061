"""`keras-explainer export`: writes what a model server serves."""

import argparse
import pathlib
import re

from keras_explainer.command_line.argument_types import fraction
from keras_explainer.command_line.argument_types import whole_number
from keras_explainer.command_line.console import console
from keras_explainer.command_line.console import working
from keras_explainer.command_line.loading_arguments import add_explainer
from keras_explainer.command_line.loading_arguments import add_loading_arguments
from keras_explainer.command_line.loading_arguments import loading_options
from keras_explainer.command_line.quiet_tensorflow import quiet_tensorflow
from keras_explainer.loading.load_explainer import find_explainer
from keras_explainer.loading.load_explainer import load_explainer

SUMMARY = "write an explainer for TensorFlow Serving, or for LiteRT"
DESCRIPTION = """\
Writes a trained explainer, with its classifier and preprocessing, as

  a SavedModel that a stock tensorflow_model_server serves, if --out ends in a version
  a LiteRT file, if --out ends in .tflite

Nothing of keras-explainer is needed to serve it. A version is never replaced."""
EXAMPLES = [
    "keras-explainer export --explainer runs/pets --out saved_models/pets/1",
    "keras-explainer export --explainer pets.keras --out pets.tflite --top-k 1",
]


def add_arguments(parser):
    add_explainer(parser)
    parser.add_argument(
        "--out",
        required=True,
        metavar="PATH",
        help="the version folder or .tflite file to write, a new one",
    )
    parser.add_argument(
        "--top-k",
        type=whole_number(1),
        default=3,
        metavar="N",
        help="masks of the N most probable classes (default: 3)",
    )
    parser.add_argument(
        "--mask-size",
        type=_size,
        metavar="SIDE",
        help="size of the masks that are returned as numbers, a side or HEIGHTxWIDTH "
        "(default: the decoder's grid)",
    )
    parser.add_argument(
        "--threshold",
        type=fraction,
        metavar="T",
        help="make masks black and white at T (default: grey masks)",
    )
    parser.add_argument(
        "--relevance",
        action="store_true",
        help="answer with the order in which pixels matter too, beside the masks",
    )
    add_loading_arguments(parser)


def run(args):
    find_explainer(args.explainer)
    quiet_tensorflow()
    is_litert = pathlib.Path(args.out).suffix == ".tflite"
    with working("Exporting"):
        path = load_explainer(args.explainer, **loading_options(args)).export(
            args.out,
            format="litert" if is_litert else "tf_saved_model",
            top_k=args.top_k,
            mask_size=args.mask_size,
            threshold=args.threshold,
            relevance=args.relevance,
        )
    console.print(f"Exported {path}")
    if is_litert:
        return
    name = path.parent.name
    console.print(
        "Serve it:\n"
        f"  tensorflow_model_server --rest_api_port=8501 --model_name={name} \\\n"
        f"    --model_base_path={path.parent}\n"
        "Ask it:\n"
        "  keras-explainer explain photo.jpg \\\n"
        f"    --server http://localhost:8501/v1/models/{name}\n"
        "Or without a server:\n"
        f"  keras-explainer explain photo.jpg --server {path.parent}"
    )


def _size(text):
    """Argument type: a side, or HEIGHTxWIDTH."""
    if re.fullmatch(r"[1-9]\d*(x[1-9]\d*)?", text):
        height, _, width = text.partition("x")
        return int(height), int(width or height)
    raise argparse.ArgumentTypeError(
        f"should be a number of pixels or HEIGHTxWIDTH. Received: {text!r}"
    )
