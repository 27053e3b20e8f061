"""`keras-explainer page`: an explainer as a page that explains in the browser."""

import pathlib

from keras_explainer.command_line.argument_types import whole_number
from keras_explainer.command_line.console import console
from keras_explainer.command_line.console import working
from keras_explainer.command_line.loading_arguments import add_loading_arguments
from keras_explainer.command_line.loading_arguments import loading_options
from keras_explainer.command_line.new_file import new_file
from keras_explainer.command_line.quiet_tensorflow import quiet_tensorflow
from keras_explainer.files.atomic_file import atomic_file
from keras_explainer.loading.load_explainer import find_explainer
from keras_explainer.loading.load_explainer import load_explainer

SUMMARY = "write a page that explains photographs in the browser"
DESCRIPTION = """\
Writes one HTML page with the explainer, its classifier and what runs them inside. It
explains the photographs that are dropped on it, pasted, chosen or taken by a camera:
the likeliest classes, their masks, and what the classifier says of what a mask keeps
and of the rest. Whoever has the file needs nothing else: no server, no network, no
installation, and no photograph leaves the browser."""
EXAMPLES = [
    "keras-explainer page --out page.html",
    "keras-explainer page runs/pets --images 'pets/*.jpg' --title Pets --out pets.html",
]
_PHOTOGRAPHS = pathlib.Path(__file__).parents[1] / "photographs"


def add_arguments(parser):
    parser.add_argument(
        "explainer_path",
        nargs="?",
        default="imagenet",
        metavar="EXPLAINER",
        help="a run folder, an explainer saved as .keras, or one that comes with the "
        "package: imagenet (for photographs) or shapes (default: %(default)s)",
    )
    parser.add_argument(
        "--out", required=True, metavar="FILE", help="the page to write, a new file"
    )
    parser.add_argument(
        "--title", metavar="TEXT", help="what the page calls it (default: EXPLAINER)"
    )
    parser.add_argument(
        "--images",
        nargs="+",
        metavar="IMAGES",
        help="files, folders or patterns of pictures to try, embedded in the page "
        "(default: the two photographs that come with the package)",
    )
    parser.add_argument(
        "--top-k",
        type=whole_number(1),
        default=5,
        metavar="N",
        help="offer the N most probable classes first (default: %(default)s)",
    )
    parser.add_argument(
        "--force", action="store_true", help="replace an earlier page in --out"
    )
    add_loading_arguments(parser)


def run(args):
    out = new_file(args.out, args.force)
    find_explainer(args.explainer_path, "EXPLAINER")
    quiet_tensorflow()
    from keras_explainer.browser.browser_page import browser_page

    options = loading_options(args)
    explainer = load_explainer(args.explainer_path, argument="EXPLAINER", **options)
    title = args.title or pathlib.Path(args.explainer_path).stem
    samples = _samples(args.images or [str(_PHOTOGRAPHS / "*.jpg")])
    with working("Exporting the explainer into the page"):
        page = browser_page(explainer, title, samples, args.top_k)
    with atomic_file(out) as temporary:
        temporary.write_text(page, encoding="utf-8")
    console.print(
        f"Wrote {out}: {len(page.encode()) / 1e6:.1f} MB. Open it in a browser, or put "
        "it on any web server."
    )


def _samples(names):
    """Returns pairs of a name and a picture."""
    from keras_explainer.loading.pictures import find_pictures
    from keras_explainer.loading.pictures import no_pictures
    from keras_explainer.loading.pictures import read_pictures

    pictures = read_pictures(find_pictures(names))
    if not pictures:
        raise no_pictures("--images", names)
    return [(path.name, picture) for path, picture in pictures]
