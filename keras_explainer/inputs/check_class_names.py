"""The names of classes in every form users have them, checked."""

import unicodedata

import numpy as np


def check_class_names(class_names, count=None, argument="class_names"):
    """Returns the names of classes as a list, by rising index.

    Args:
        class_names: List, tuple or array of strings (bytes are decoded, whole numbers
            written out), or a dict from index to name or, as `class_indices` of
            Keras, from name to index. Two classes may have one name.
        count: int, or None for any. Number of names that there should be.
        argument: String. Name of the argument, for the error.

    Returns:
        List of strings, without white space at their ends.

    Raises:
        ValueError: If `class_names` is none of these, or says nothing of their order.

    Example:

    >>> check_class_names({"dog": 1, "cat": 0})
    ['cat', 'dog']
    """
    if isinstance(class_names, (str, bytes, set, frozenset)):
        raise _wrong(
            argument, "a list of names in the order of the classes", class_names
        )
    if hasattr(class_names, "items") and hasattr(class_names, "keys"):
        class_names = _by_index(dict(class_names.items()), argument)
    elif hasattr(class_names, "numpy"):  # A tensor or variable.
        class_names = class_names.numpy()
    try:
        class_names = [_as_name(name) for name in class_names]
    except (TypeError, ValueError):
        raise _wrong(argument, "names, each a string", class_names) from None
    if not all(class_names):
        raise ValueError(
            f"Argument `{argument}` should hold no empty name. Received: "
            f"nothing at index {class_names.index('')}"
        )
    if count is not None and len(class_names) != count:
        raise ValueError(
            f"Argument `{argument}` should hold {count} names, one for each class. "
            f"Received: {len(class_names)}"
        )
    return class_names


def check_same_order(names, class_names, argument):
    """Raises a ValueError if labels have other indices than the classes they name.

    Lists without a name in common tell nothing: one may hold codes.

    Args:
        names: List of strings. Names of the labels, in their order.
        class_names: List of strings. Names of the classes of the classifier.
        argument: String. What the labels come from, such as "Argument `x`".

    Example:

    >>> check_same_order(["cat", "dog"], ["cat", "dog"], "Argument `x`")
    """
    names, class_names = list(names), list(class_names)
    for index, name in enumerate(names):
        places = [i for i, known in enumerate(class_names) if known == name]
        if places and index not in places:
            raise ValueError(
                f"{argument} should have the classes in the order of the explainer, "
                f"{_shortened(class_names)}. Received: {_shortened(names)}, where "
                f"{name} is class {index} and not {places[0]}"
            )


def check_classes_of_data(data, class_names, count, argument):
    """Does `check_same_order` for data that tell the names of their labels.

    Args:
        data: What has `class_names`, as datasets of this package and of Keras do, or
            `class_indices`, as iterators of Keras; anything else tells nothing.
        class_names: List of strings, or None. Names of the classes of the classifier.
        count: int. Number of classes of the classifier.
        argument: String. Name of the argument.

    Raises:
        ValueError: If a class has another index in one list than in the other, or if
            the data have one class only, whose row of 1 would be taken for an index.
    """
    names = getattr(data, "class_names", None) or getattr(data, "class_indices", None)
    if not names:
        return
    names = check_class_names(names, argument=argument)
    if class_names:
        check_same_order(names, class_names, f"Argument `{argument}`")
    if len(names) == 1 and count > 2:
        raise ValueError(
            f"Argument `{argument}` should have the {count} classes of the classifier, "
            f"or images alone: `{argument}.map(lambda images, labels: images)`. "
            f"Received: data of the one class {names[0]}"
        )


def _by_index(names, argument):
    """Returns the names of a dict in the order of the indices in it."""
    sides = [(list(names), list(names.values())), (list(names.values()), list(names))]
    # JSON makes the keys strings, which may be names too: numbers come first.
    for as_index in (_whole_number, _written_number):
        ordered = []
        for indices, side in sides:
            by_index = dict(zip(map(as_index, indices), side))
            if set(by_index) == set(range(len(names))):
                ordered.append([by_index[index] for index in range(len(names))])
        # Where both sides are indices, they have to say the same.
        if ordered and [*map(str, ordered[0])] == [*map(str, ordered[-1])]:
            return ordered[0]
        if ordered:
            break
    raise _wrong(
        argument,
        f"a dict with the indices 0 to {len(names) - 1}, each once, as its keys or "
        "as its values",
        names,
    )


def _whole_number(value):
    is_number = isinstance(value, (int, np.integer)) and not isinstance(value, bool)
    return int(value) if is_number else None


def _written_number(value):
    is_written = isinstance(value, str) and value.isascii() and value.isdecimal()
    return int(value) if is_written else None


def _as_name(name):
    if isinstance(name, np.ndarray) and name.ndim == 0:
        name = name.item()
    if isinstance(name, bytes):
        name = name.decode("utf-8")
    if _whole_number(name) is not None:
        name = str(name)
    if not isinstance(name, str):
        raise TypeError
    # Systems write an accent with its letter or behind it.
    return unicodedata.normalize("NFC", name).strip()


def _wrong(argument, expected, received):
    return ValueError(
        f"Argument `{argument}` should be {expected}. Received: {_shortened(received)}"
    )


def _shortened(value):
    text = repr(value) if not isinstance(value, list) else ", ".join(map(str, value))
    text = " ".join(text.split())
    return text if len(text) <= 80 else f"{text[:77]}..."
