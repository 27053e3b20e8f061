"""From a template to one HTML page that needs no other file."""

import base64
import io
import json
import pathlib
import re

from PIL import Image

# What pages have in common, beside this file.
_SHARED = {"style": "style.css", "drawing": "drawing.js"}


def fill_template(path, **parts):
    """Reads a template and puts a part in the place of each `{{ name }}`.

    `{{ style }}` is the style sheet that all pages share, and `{{ drawing }}` the
    functions that draw masks.

    Args:
        path: Path of the template.
        **parts: Strings of HTML, put in as they are.

    Returns:
        String, the page.
    """
    template = path.read_text(encoding="utf-8")
    for name, file in _SHARED.items():
        shared = pathlib.Path(__file__).with_name(file)
        parts[name] = shared.read_text(encoding="utf-8").rstrip()
    return re.sub(r"\{\{ (\w+) \}\}", lambda match: parts[match[1]], template)


def embedded_json(content):
    """Returns JSON that may stand inside a `<script>`, whatever its strings hold.

    Example:

    >>> embedded_json("</script>")
    '"\\\\u003c/script>"'
    """
    return json.dumps(content, separators=(",", ":")).replace("<", "\\u003c")


def picture_uri(pixels):
    """Returns a picture as the address of an embedded JPEG.

    Args:
        pixels: uint8 array (H, W, 3).
    """
    # Without the coarser colours that JPEG likes, which small drawings show.
    return _uri(pixels, "JPEG", quality=88, subsampling=0)


def mask_uri(mask):
    """Returns a mask as the address of an embedded grey PNG.

    Args:
        mask: Array (h, w) in [0, 1].
    """
    return _uri((255 * mask).round().clip(0, 255).astype("uint8"), "PNG", optimize=True)


def _uri(pixels, kind, **options):
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, kind, **options)
    content = base64.b64encode(file.getvalue()).decode("ascii")
    return f"data:image/{kind.lower()};base64,{content}"
