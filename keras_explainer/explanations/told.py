"""An explanation in a few lines of text."""

import numpy as np

_TOLD = 5  # images


def told(explanation):
    """Returns what an explanation says of its first images, and the shapes of it.

    Args:
        explanation: The `Explanation`.

    Returns:
        String of one or more lines.
    """
    shapes = {}
    for name, part in zip(explanation._fields, explanation):
        if part is not None:
            shapes.setdefault(_shape(part), []).append(f".{name}")
    arrays = ", ".join(f"{' '.join(names)} {shape}" for shape, names in shapes.items())
    try:
        count, lines = len(explanation.classes), list(_lines(explanation))
    # Values of a graph that is being traced are not known, and parts may be foreign.
    except (AttributeError, IndexError, NotImplementedError, TypeError, ValueError):
        return f"Explanation: {arrays}"
    head = f"Explanation of {count} {'image' if count == 1 else 'images'}:"
    more = [f"  and {count - _TOLD} more"] if count > _TOLD else []
    return "\n".join([head, *lines, *more, arrays])


def _shape(part):
    shape = getattr(part, "shape", None)
    known = shape is not None and getattr(shape, "rank", 0) is not None
    return str(tuple(shape)) if known else "(of unknown shape)"


def _lines(explanation):
    classes, scores, kept, removed = (
        None if part is None else np.asarray(part[:_TOLD])
        for part in (
            explanation.classes,
            explanation.scores,
            explanation.kept_scores,
            explanation.removed_scores,
        )
    )
    for n, row in enumerate(classes):
        cells = []
        for k, index in enumerate(row):
            if index < 0:  # No class in this place.
                continue
            cell = f"{_class_name(explanation.class_names, index)} {scores[n, k]:.2f}"
            if kept is not None:
                cell += f" (alone {kept[n, k]:.2f}, without {removed[n, k]:.2f})"
            cells.append(cell)
        name = explanation.names[n] if explanation.names else f"image {n}"
        yield f"  {name}: {', '.join(cells) or 'no class'}"


def _class_name(class_names, index):
    is_known = index in class_names if isinstance(class_names, dict) else class_names
    return str(class_names[index]) if is_known else f"class {index}"
