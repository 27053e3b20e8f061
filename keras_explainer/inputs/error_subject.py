"""What an error about images, labels or weights names."""

# An argument that is nothing else is named alone.
_OWN_ARGUMENTS = {
    "Images": ("images",),
    "Labels": ("y", "targets"),
    "Weights": ("sample_weight",),
}


def error_subject(things, argument):
    """Returns the subject of the sentence of an error: an argument, or what is in it.

    Args:
        things: String. "Images", "Labels" or "Weights".
        argument: String, or None where it is not known, as within a step. Name of the
            argument that they came in.

    Returns:
        String.

    Example:

    >>> error_subject("Labels", "y"), error_subject("Labels", "x")
    ('Argument `y`', 'Labels in argument `x`')
    """
    if argument is None:
        return things
    own = argument in _OWN_ARGUMENTS[things]
    return f"Argument `{argument}`" if own else f"{things} in argument `{argument}`"
