"""Checking a number, a choice, or yes or no, that was handed over."""

import numpy as np


def check_option(name, value, low, high=None, whole=False):
    """Raises a ValueError if an option is not a number in its range.

    Args:
        name: String. Name of the argument.
        value: What was received.
        low: Lowest value allowed.
        high: Highest value allowed, or None.
        whole: Boolean. Whether it has to be an int.
    """
    kinds = (int, np.integer) if whole else (int, float, np.number)
    valid = isinstance(value, kinds) and not isinstance(value, bool)
    if not valid or not low <= value <= (np.inf if high is None else high):
        kind = "a whole number" if whole else "a number"
        span = f"from {low}" if high is None else f"from {low} to {high}"
        raise ValueError(
            f"Argument `{name}` should be {kind} {span}. Received: {value!r}"
        )


def check_flag(name, value, auto=False):
    """Raises a ValueError if an option is neither True nor False.

    Args:
        name: String. Name of the argument.
        value: What was received.
        auto: Boolean. Whether "auto" is allowed as well.
    """
    if isinstance(value, (bool, np.bool_)):
        return
    if not (auto and isinstance(value, str) and value == "auto"):
        kinds = 'True, False or "auto"' if auto else "True or False"
        raise ValueError(f"Argument `{name}` should be {kinds}. Received: {value!r}")


def check_choice(name, value, choices):
    """Raises a ValueError if an option is not one of its choices."""
    if value not in choices:
        expected = " or ".join(f'"{choice}"' for choice in choices)
        raise ValueError(f"Argument `{name}` should be {expected}. Received: {value!r}")
