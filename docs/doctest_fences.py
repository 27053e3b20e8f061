"""Shows doctests in docstrings as code: Markdown reads `>>>` as a quotation."""

import re

import griffe

DOCTEST = re.compile(r"^( *)>>> .*\n?(?:\1(?=\S).*(?:\n|$))*", re.MULTILINE)


class DoctestFences(griffe.Extension):
    def on_object(self, *, obj, **kwargs):
        if obj.docstring:
            obj.docstring.value = fenced(obj.docstring.value)


def fenced(text):
    """Returns a docstring with each doctest, up to an empty line, in a fence."""
    return DOCTEST.sub(
        lambda found: f"{found[1]}```pycon\n{found[0].rstrip()}\n{found[1]}```\n",
        text,
    )
