"""From what is typed after --targets to classes."""

import difflib
import re
import unicodedata

from keras_explainer.command_line.command_error import UsageError


def target_classes(targets, names):
    """Returns the indices of the classes that are asked for.

    A text is the class of that very name; else the one whose name differs in nothing
    but case, spaces, hyphens and underscores; else, if it is a number, an index.

    Args:
        targets: List of strings, what stood between the commas.
        names: List of the names of all classes; some may be equal.

    Returns:
        List of ints.

    Raises:
        UsageError: If a text is the name of no class, or of several.

    Example:

    >>> target_classes(["cat", "0"], ["dog", "Cat", "cat"])
    [2, 0]
    """
    found = []
    while targets:
        # Names may have commas in them: the longest one is meant.
        for count in range(len(targets), 0, -1):
            text = ", ".join(targets[:count])
            classes = _classes_of(text, names)
            if classes:
                break
        if len(classes) != 1:
            raise _wrong(text, classes, names)
        found += classes
        targets = targets[count:]
    return found


def _classes_of(text, names):
    for plain in (_spaced, _plainest):
        classes = [i for i, name in enumerate(names) if plain(name) == plain(text)]
        if classes:
            return classes
    is_index = re.fullmatch("[0-9]{1,9}", text) and int(text) < len(names)
    return [int(text)] if is_index else []


def _spaced(name):
    return " ".join(
        re.sub(r"\s*,\s*", ", ", unicodedata.normalize("NFC", name)).split()
    )


def _plainest(name):
    name = unicodedata.normalize("NFKC", name).casefold()
    return _spaced(re.sub("[_-]", " ", name))


def _wrong(text, classes, names):
    last = len(names) - 1
    if classes:
        found = ", ".join(f"{index} ({names[index]})" for index in classes)
        return UsageError(
            "Argument --targets should be an index where several classes have the "
            f"name: {found}. Received: {text}"
        )
    near = difflib.get_close_matches(_plainest(text), map(_plainest, names), n=1)
    hint = [name for name in names if [_plainest(name)] == near]
    hint = f" (such as {hint[0]})" if hint else ""
    return UsageError(
        f"Argument --targets should be class indices from 0 to {last} or class names"
        f"{hint}. Received: {text}"
    )
