"""What raters preferred, and how sure that is."""

import typing

from keras_explainer.evaluation.binomial_test import binomial_test
from keras_explainer.evaluation.wilson_interval import wilson_interval


class Preference(typing.NamedTuple):
    """How often the first of two was preferred to the second.

    Args:
        first: int, answers for the first.
        second: int, answers for the second.
        ties: int, answers that saw no difference; they are left out of the rest.

    Example:

    >>> Preference(first=9, second=1).rate
    0.9
    """

    first: int
    second: int
    ties: int = 0

    @property
    def rate(self):
        """The share that preferred the first; NaN if there is none."""
        decided = self.first + self.second
        return self.first / decided if decided else float("nan")

    @property
    def interval(self):
        """The 95 % Wilson interval of the rate, two floats."""
        return wilson_interval(self.first, self.first + self.second)

    @property
    def p_value(self):
        """Of the exact two-sided test against a rate of one half."""
        return binomial_test(self.first, self.first + self.second)


def count_preferences(key, sheets):
    """Counts what each rater preferred.

    Args:
        key: Dict, the key of the study, as `blinded_study` returns it.
        sheets: List of dicts, the answers of each rater, as the page saves them.

    Returns:
        Dict of `Preference` by rater.

    Raises:
        ValueError: If a sheet is of another study, a rater comes twice, or an answer
            is not one of the page's.

    Example:

    ```python
    count_preferences(key, sheets)["k3v9x2"].rate
    ```
    """
    found = {}
    for sheet in sheets:
        if sheet["study"] != key["study"]:
            raise ValueError(
                f"Argument `sheets` should be of the study {key['study']}. "
                f"Received: one of {sheet['study']}"
            )
        if sheet["rater"] in found:
            raise ValueError(
                "Argument `sheets` should hold each rater once. "
                f"Received: {sheet['rater']} twice"
            )
        chosen = [_chosen(answer, key) for answer in sheet["answers"]]
        first, second = (chosen.count(name) for name in key["explainers"])
        found[sheet["rater"]] = Preference(first, second, chosen.count(None))
    return found


def count_sides(sheets):
    """Counts how often raters preferred what stood on the left, as a `Preference`.

    Args:
        sheets: List of dicts, the answers of each rater.
    """
    answers = [answer for sheet in sheets for answer in sheet["answers"]]
    left = sum(a["choice"] == a.get("left") for a in answers)
    ties = sum(a["choice"] is None for a in answers)
    return Preference(left, len(answers) - left - ties, ties)


def _chosen(answer, key):
    pair, choice = answer.get("pair"), answer.get("choice")
    if pair not in range(len(key["pairs"])) or choice not in ("x", "y", None):
        raise ValueError(
            "Argument `sheets` should hold answers x, y or null to the pairs 0 to "
            f"{len(key['pairs']) - 1}. Received: {choice} to the pair {pair}"
        )
    return choice and key["pairs"][pair][choice]
