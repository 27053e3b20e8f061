"""The types of arguments: what a text on the command line may be."""

import argparse
import re


def whole_number(least):
    """Returns an argument type: whole numbers from `least`."""

    def convert(text):
        if re.fullmatch(r"\d+", text) and int(text) >= least:
            return int(text)
        raise argparse.ArgumentTypeError(
            f"should be a whole number from {least}. Received: {text!r}"
        )

    return convert


def fraction(text):
    """Argument type: a number between 0 and 1, both excluded."""
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if 0 < value < 1:
        return value
    raise argparse.ArgumentTypeError(
        f"should be a number between 0 and 1. Received: {text!r}"
    )


def name_list(text):
    """Argument type: names with commas between them."""
    names = [name.strip() for name in text.split(",")]
    if all(names):
        return names
    raise argparse.ArgumentTypeError(
        f"should be names with commas between them. Received: {text!r}"
    )


def settings(text):
    """Argument type: names with numbers, such as target_area_weight=9,composites=0."""
    try:
        pairs = [part.split("=") for part in text.split(",")]
        return {name.strip(): float(value) for name, value in pairs}
    except ValueError:
        raise argparse.ArgumentTypeError(
            "should be names and numbers, such as target_area_weight=9,composites=0. "
            f"Received: {text!r}"
        ) from None


def dataset_name(text):
    """Argument type: a kind of data set, or tfds:NAME."""
    known = ("voc", "coco", "folder", "shapes")
    if text in known or re.fullmatch(r"tfds:[\w./:-]+", text):
        return text
    raise argparse.ArgumentTypeError(
        f"should be {', '.join(known)} or tfds:NAME. Received: {text!r}"
    )
