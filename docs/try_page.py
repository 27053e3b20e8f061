"""Writes the page of the shipped ImageNet explainer, to try in a browser.

python docs/try_page.py [OUT]
"""

import os
import pathlib
import sys

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

from keras_explainer.__main__ import main as keras_explainer


def write_try_page(folder="build/docs/try"):
    """Writes `index.html` into a folder, 14 MB, and returns its path."""
    path = pathlib.Path(folder) / "index.html"
    path.parent.mkdir(parents=True, exist_ok=True)
    title = "MobileNetV2 of ImageNet"
    argv = ["page", "imagenet", "--title", title, "--out", str(path), "--force"]
    if keras_explainer(argv):
        raise SystemExit(1)
    return path


if __name__ == "__main__":
    write_try_page(*sys.argv[1:])
