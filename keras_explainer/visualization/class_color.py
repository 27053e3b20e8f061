_OKABE_ITO = (
    "#E69F00",  # orange
    "#56B4E9",  # sky blue
    "#009E73",  # bluish green
    "#F0E442",  # yellow
    "#CC79A7",  # reddish purple
    "#D55E00",  # vermilion
    "#0072B2",  # blue
)


def class_color(index):
    """Returns the colour that a class keeps in every picture.

    The seven colours of Okabe and Ito stay apart under the common colour vision
    deficiencies; class 7 takes the colour of class 0 again.

    Args:
        index: int, the class index, 0 or more.

    Returns:
        str, a colour written "#RRGGBB".

    Raises:
        ValueError: `index` is negative.

    Example:

    >>> class_color(0)
    '#E69F00'

    Reference:

    - Okabe & Ito, "Color Universal Design", 2008.
    """
    if index < 0:
        raise ValueError(f"`index` must be 0 or more. Received: index={index}")
    return _OKABE_ITO[index % len(_OKABE_ITO)]
