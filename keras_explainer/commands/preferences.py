"""`keras-explainer preferences`: what came of a study."""

import json
import pathlib

from rich.table import Table

from keras_explainer.command_line.command_error import UsageError
from keras_explainer.command_line.console import console
from keras_explainer.command_line.quiet_tensorflow import quiet_tensorflow

SUMMARY = "say which explainer the raters of a study prefer, and how surely"
DESCRIPTION = """\
Reads the answers to a study and prints how often its first explainer was preferred to
its second, with 95 % Wilson intervals and exact binomial tests: for each rater, for all
answers together, and for the raters by what each of them mostly preferred.

The test of all answers takes them as independent of each other, which several answers
of one person are not quite; the test of the raters does not need that."""
EXAMPLES = [
    "keras-explainer preferences my_study answers_*.json",
    "keras-explainer preferences my_study answers_anna.json answers_ben.json",
]


def add_arguments(parser):
    parser.add_argument("study", metavar="STUDY", help="folder of `study`")
    parser.add_argument(
        "answers", nargs="+", metavar="ANSWERS", help="files that raters downloaded"
    )


def run(args):
    key = _read(pathlib.Path(args.study) / "key.json", "STUDY", _KEY)
    sheets = [_read(pathlib.Path(path), "ANSWERS", _SHEET) for path in args.answers]
    quiet_tensorflow()
    from keras_explainer.study.preference import Preference
    from keras_explainer.study.preference import count_preferences
    from keras_explainer.study.preference import count_sides

    try:
        raters = count_preferences(key, sheets)
    except ValueError as error:
        raise UsageError(str(error).replace("`sheets`", "ANSWERS")) from error
    first, second = key["explainers"]
    console.print(f"How often {first} was preferred to {second}\n")
    table = Table("", "first", "second", "same", "rate", "95 %", "p")
    for rater, preference in raters.items():
        table.add_row(*_cells(f"rater {rater}", preference))
    table.add_section()
    answers = Preference(*map(sum, zip(*raters.values())))
    table.add_row(*_cells("all answers", answers))
    majorities = Preference(
        sum(r.first > r.second for r in raters.values()),
        sum(r.first < r.second for r in raters.values()),
        sum(r.first == r.second for r in raters.values()),
    )
    table.add_row(*_cells("raters", majorities))
    table.add_row(*_cells("left to right", count_sides(sheets)))
    console.print(table)


_KEY = {"study": str, "explainers": list, "pairs": list}
_SHEET = {"study": str, "rater": str, "answers": list}


def _read(path, argument, fields):
    """Returns the dict of a JSON file that has these fields of these types."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        content = None
    if not isinstance(content, dict) or not all(
        isinstance(content.get(name), kind) for name, kind in fields.items()
    ):
        expected = {
            "STUDY": "the folder of a study, with its key.json",
            "ANSWERS": "files that the page of the study has saved",
        }
        raise UsageError(
            f"Argument {argument} should be {expected[argument]}. Received: {path}"
        )
    return content


def _cells(name, preference):
    first, second, ties = map(str, preference)
    if preference.first + preference.second == 0:
        return name, first, second, ties, "", "", ""
    low, high = preference.interval
    rate, p = f"{preference.rate:.3f}", f"{preference.p_value:.2g}"
    return name, first, second, ties, rate, f"{low:.3f} to {high:.3f}", p
