"""Writes the pages of the public names to build/docs; a warning is an error.

python docs/build.py [OUT]
"""

import os
import pathlib
import sys
import warnings

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import pdoc

import keras_explainer

PUBLIC = [
    "keras_explainer",
    "keras_explainer.classifiers",
    "keras_explainer.decoders",
    r"!keras_explainer\.\w+\.",  # where the names come from
]


def main(out="build/docs"):
    # What the package loads on demand, pdoc looks for in its namespace.
    for name in keras_explainer.__all__:
        setattr(keras_explainer, name, getattr(keras_explainer, name))
    pdoc.render.configure(docformat="google", footer_text=keras_explainer.__version__)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        pdoc.pdoc(*PUBLIC, output_directory=pathlib.Path(out))
    print(f"See {out}/index.html")


if __name__ == "__main__":
    main(*sys.argv[1:])
