"""A study of pairs of explanations, and the key that says which is whose."""

import hashlib
import json
import pathlib

import numpy as np

from keras_explainer.report.html_page import embedded_json
from keras_explainer.report.html_page import fill_template

_TEMPLATE = pathlib.Path(__file__).with_name("page.html")


def blinded_study(explainers, entries, seed=0):
    """Makes the page of a study and its key.

    Each pair is called x and y at random: x is the first explainer in half of the
    pairs. The page shows every rater the pairs in another order, x on the left or on
    the right by chance, and does not know whose they are.

    Args:
        explainers: List of two different strings, the names of the explainers.
        entries: List of dicts of JSON values with `name` and `picture`, an embedded
            picture; `class`, the name of the class that is explained; and
            `explanations`, two embedded pictures in the order of `explainers`.
        seed: int, of the names x and y. Defaults to 0.

    Returns:
        Tuple of the page, a string, and the key, a dict of JSON values.

    Example:

    ```python
    page, key = blinded_study(["explainer", "grad_cam"], entries)
    key["pairs"][0]  # {"name": "cat.jpg", "class": "cat", "x": "grad_cam", ...}
    ```
    """
    swapped = np.arange(len(entries)) % 2 == 1
    np.random.default_rng(seed).shuffle(swapped)
    pairs, answers = [], []
    for entry, swap in zip(entries, swapped):
        first, second = (1, 0) if swap else (0, 1)
        x, y = entry["explanations"][first], entry["explanations"][second]
        pairs.append({"picture": entry["picture"], "class": entry["class"]})
        pairs[-1].update(x=x, y=y)
        names = {"x": explainers[first], "y": explainers[second]}
        answers.append({"name": entry["name"], "class": entry["class"], **names})
    study = hashlib.sha256(json.dumps(pairs).encode()).hexdigest()[:12]
    page = fill_template(
        _TEMPLATE, study=embedded_json({"study": study, "pairs": pairs})
    )
    return page, {"study": study, "explainers": list(explainers), "pairs": answers}
