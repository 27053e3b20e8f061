"""The page that explains photographs where they are looked at."""

import base64
import gzip
import pathlib
import tempfile
from html import escape

import numpy as np

from keras_explainer.report.html_page import embedded_json
from keras_explainer.report.html_page import fill_template
from keras_explainer.report.html_page import picture_uri
from keras_explainer.serving.export_litert import export_litert
from keras_explainer.visualization import class_color

_FOLDER = pathlib.Path(__file__).parent
# LiteRT: the part in JavaScript and, compressed, that in WebAssembly.
_LOADER = _FOLDER / "litert" / "litert_wasm_compat_internal.js"
_RUNTIME = _FOLDER / "litert" / "litert_wasm_compat_internal.wasm.gz"
# Pixels of the longer side of a picture to try.
_SAMPLE_SIDE = 640


def browser_page(explainer, title, samples=(), top_k=5):
    """Makes a page that explains photographs in a browser.

    The page holds the explainer as a LiteRT file, with its preprocessing, and the
    runtime that answers it in WebAssembly. It explains what is dropped on it, and
    verifies each mask as `explain(verify=True)` does. It needs no server, no network
    and no other file, and sends nothing.

    Args:
        explainer: A `BaseExplainer`.
        title: String, what the page calls the classifier.
        samples: List of pairs of a name and an RGB `PIL.Image`, pictures to try.
        top_k: int. How many of the most probable classes are offered first.

    Returns:
        String, an HTML page.

    Raises:
        ValueError: If the classifier takes more than images, if the explainer's
            preprocessing is not known or does not run in a graph, or if `top_k` is no
            whole number from 1.

    Example:

    ```python
    page = browser_page(kx.load("imagenet"), "MobileNetV2")
    pathlib.Path("page.html").write_text(page, encoding="utf-8")
    ```

    Reference:
        https://ai.google.dev/edge/litert/web
    """
    _check_images_alone(explainer)
    size = tuple(int(side) for side in explainer.frozen.image_shape[:2])
    names = list(explainer.display_names)
    data = {
        "classNames": names,
        "colors": [class_color(index) for index in range(len(names))],
        "inputSize": size,
    }
    return fill_template(
        _FOLDER / "page.html",
        title=escape(title),
        classes="1 class" if len(names) == 1 else f"{len(names)} classes",
        size=f"{size[1]} × {size[0]}",
        samples="\n    ".join(_sample(name, picture) for name, picture in samples),
        data=embedded_json(data),
        worker=_read("worker.js"),
        loader=_packed(_LOADER.read_bytes()),
        runtime=_as_text(_RUNTIME.read_bytes()),
        model=_packed(_litert_file(explainer, size, top_k)),
        script=fill_template(_FOLDER / "page.js"),
    )


def _check_images_alone(explainer):
    others = list(explainer.model_inputs.other_names)
    if others:
        raise ValueError(
            "Argument `explainer` should be of a classifier of images alone, since a "
            "page is given nothing else; train one of a model in which the other "
            f"inputs are fixed. Received: one that takes {others} too"
        )


def _litert_file(explainer, size, top_k):
    with tempfile.TemporaryDirectory() as folder:
        path = export_litert(
            explainer,
            pathlib.Path(folder) / "explainer.tflite",
            top_k=top_k,
            mask_size=size,
            signatures=["serving_default", "explain_class", "verify_mask"],
            batch_size=1,
        )
        return path.read_bytes()


def _sample(name, picture):
    """Returns the button of a picture to try."""
    shown = picture.copy()
    shown.thumbnail((_SAMPLE_SIDE, _SAMPLE_SIDE))
    name, uri = escape(name), picture_uri(np.asarray(shown))
    return (
        f'<button class="sample" data-name="{name}">'
        f'<img src="{uri}" alt="Try {name}"></button>'
    )


def _read(name):
    return (_FOLDER / name).read_text(encoding="utf-8")


def _packed(content):
    return _as_text(gzip.compress(content, mtime=0))


def _as_text(content):
    return base64.b64encode(content).decode("ascii")
