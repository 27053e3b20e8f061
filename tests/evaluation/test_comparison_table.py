"""What the table of a comparison says in words."""

import numpy as np

from keras_explainer.evaluation.comparison_table import ComparisonTable
from keras_explainer.evaluation.method_result import MethodResult
from keras_explainer.evaluation.metric_columns import METRIC_COLUMNS
from keras_explainer.evaluation.metric_meanings import METRIC_MEANINGS


def result(name, **values):
    count = len(next(iter(values.values())))
    values = {key: np.asarray(value, "float64") for key, value in values.items()}
    return MethodResult(name, {"seconds": np.ones(count), **values})


def test_every_metric_on_the_screen_is_explained():
    on_screen = {name for name, column in METRIC_COLUMNS.items() if column.is_main}
    assert set(METRIC_MEANINGS) == on_screen
    table = ComparisonTable({"explainer": result("explainer", iou=[0.5], drop=[0.1])})
    legend = table.legend()
    assert [line.split(":")[0] for line in legend] == ["IoU ↑", "drop ↓"]
    assert all(len(line) < 140 for line in legend)


def test_the_control_tells_what_is_better_than_chance():
    noise = np.random.default_rng(0).normal(0, 0.02, 40)
    table = ComparisonTable(
        {
            "explainer": result(
                "explainer", iou=0.5 + noise, drop=0.2 + noise, deletion=0.3 + noise
            ),
            "random_area": result(
                "random_area", iou=0.2 - noise, drop=0.7 - noise, deletion=0.3 - noise
            ),
        }
    )
    better, others = table.control().splitlines()
    assert "Explainer is better (95 %) at IoU 0.499, random 0.201; drop 0.1" in better
    assert "deletion" in others and "deletion" not in better
    assert table.control() in table.markdown()
    # A lower drop is the better one: the other way round nothing is.
    table = ComparisonTable({"explainer": table.results["random_area"]}, 0)
    assert table.control() is None


def test_a_control_that_is_better_is_not_hidden():
    rows = {
        "explainer": result("explainer", drop=[0.7, 0.8, 0.7]),
        "random_area": result("random_area", drop=[0.2, 0.1, 0.2]),
    }
    assert "better (95 %) at nothing" in ComparisonTable(rows).control()
