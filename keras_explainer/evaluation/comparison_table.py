"""The comparison as a table: for the screen, as Markdown, CSV and JSON."""

import csv
import io

import numpy as np

from keras_explainer.evaluation.bootstrap_interval import bootstrap_interval
from keras_explainer.evaluation.method_rows import METHOD_ROWS
from keras_explainer.evaluation.metric_columns import LEGEND
from keras_explainer.evaluation.metric_columns import METRIC_COLUMNS
from keras_explainer.evaluation.metric_meanings import METRIC_MEANINGS

_NONE = "-"
_DASH = "\N{EN DASH}"


class ComparisonTable:
    """Every method (rows) under every metric (columns).

    Args:
        results: Dict as `evaluate_methods` returns it.
        seed: int, of the bootstrap.

    Example:

    >>> table = ComparisonTable({"ideal": MethodResult("ideal", failure="No mask")})
    >>> table.csv().splitlines()[1].split(",")[:3]
    ['ideal', '0', 'No mask']
    """

    def __init__(self, results, seed=0):
        self.results, self.seed = results, seed
        self.summaries = {
            name: {metric: result.summary(metric, seed) for metric in METRIC_COLUMNS}
            for name, result in results.items()
        }
        # Metrics without any value, such as IoU without true masks, have no column.
        self.metrics = [
            metric
            for metric in METRIC_COLUMNS
            if any(summary[metric] for summary in self.summaries.values())
        ]

    def screen(self, metrics=None):
        """Returns a `rich.table.Table` of some metrics; by default the main ones."""
        from rich import box
        from rich.table import Table

        if metrics is None:
            metrics = self.main_metrics
        table = Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1))
        table.add_column("method", no_wrap=True)
        for head in ["images", *(METRIC_COLUMNS[m].head for m in metrics), "s/image"]:
            table.add_column(head, justify="right", no_wrap=True)
        for name, result in self.results.items():
            cells = [self._cell(name, metric, "\n") for metric in metrics]
            table.add_row(
                METHOD_ROWS[name].label,
                *(
                    ["failed", *[""] * len(metrics), ""]
                    if result.failure
                    else [str(result.images), *cells, self._seconds(result)]
                ),
            )
        return table

    @property
    def main_metrics(self):
        """The metrics that are shown on the screen."""
        return [m for m in self.metrics if METRIC_COLUMNS[m].is_main]

    def legend(self):
        """Returns what the metrics on the screen mean, a line for each."""
        return [
            f"{METRIC_COLUMNS[metric].head}: {METRIC_MEANINGS[metric]}"
            for metric in self.main_metrics
        ]

    def control(self, name="explainer", against="random_area"):
        """Says where a method is better than random masks of the same areas.

        The difference is taken image by image; it counts if its 95 % bootstrap interval
        is on one side of 0.

        Args:
            name: String, a row.
            against: String, the row of the control.

        Returns:
            A sentence, or None if one of them was not measured.
        """
        rows = [self.results.get(row) for row in (name, against)]
        if None in rows or any(row.failure or not row.images for row in rows):
            return None
        better, others = [], []
        for metric in self.main_metrics:
            column = METRIC_COLUMNS[metric]
            values, random = (row.values.get(metric) for row in rows)
            if column.better is None or values is None or random is None:
                continue
            count = min(len(values), len(random))
            sign = 1.0 if column.better == "high" else -1.0
            gain = sign * (values[:count] - random[:count])
            if np.isnan(gain).all():
                continue
            low, _ = bootstrap_interval(gain, seed=self.seed)
            shown = f"{column.label} {np.nanmean(values):.3f}, random "
            (better if low > 0 else others).append(f"{shown}{np.nanmean(random):.3f}")
        label = METHOD_ROWS[name].label
        lines = [
            "Against random masks of the same areas, image by image, the "
            f"{label} is better (95 %) at {'; '.join(better) or 'nothing'}"
        ]
        if others:
            lines.append(f"It is not shown to be better at {'; '.join(others)}")
        return "\n".join(lines)

    @property
    def failures(self):
        """One sentence for each method that failed."""
        return [
            f"{METHOD_ROWS[name].label} failed: {result.failure}"
            for name, result in self.results.items()
            if result.failure
        ]

    def markdown(self, notes=()):
        """Returns two Markdown tables, of the main metrics and of all others.

        Args:
            notes: Sequence of strings, written under the tables.
        """
        main = self.main_metrics
        rest = [metric for metric in self.metrics if metric not in main]
        parts = [self._markdown(main, with_cost=True)]
        if rest:
            parts.append(self._markdown(rest, with_cost=False))
        control = self.control()
        parts += [LEGEND, *([control] if control else []), *notes, *self.failures]
        return "\n\n".join(parts) + "\n"

    def csv(self):
        """Returns a row for each method: the mean of each metric and its interval."""
        file = io.StringIO()
        writer = csv.writer(file, lineterminator="\n")
        ends = ("mean", "low", "high")
        heads = [f"{metric}_{end}" for metric in self.metrics for end in ends]
        writer.writerow(["method", "images", "failure", "seconds_per_image", *heads])
        for name, result in self.results.items():
            row = [name, result.images, result.failure or "", result.seconds_per_image]
            for metric in self.metrics:
                summary = self.summaries[name][metric] or {}
                row += [summary.get(end, "") for end in ends]
            writer.writerow(row)
        return file.getvalue()

    def json(self):
        """Returns the results as JSON values, with curves and matrices."""
        return {
            name: {
                "images": result.images,
                "failure": result.failure,
                "seconds_per_image": result.seconds_per_image,
                "metrics": {
                    metric: self.summaries[name][metric] for metric in self.metrics
                },
                "iou_curve": _listed(result.curve("iou_curve")),
                "insertion_curve": _listed(result.curve("insertion_curve")),
                "deletion_curve": _listed(result.curve("deletion_curve")),
                "discrimination_matrix": _listed(result.discrimination_matrix()),
            }
            for name, result in self.results.items()
        }

    def _markdown(self, metrics, with_cost):
        heads = [METRIC_COLUMNS[metric].head for metric in metrics]
        heads = ["method", "images", *heads, *(["s/image"] if with_cost else [])]
        lines = [heads, ["---", *["---:"] * (len(heads) - 1)]]
        for name, result in self.results.items():
            cells = [self._cell(name, metric, "<br>") for metric in metrics]
            if with_cost:
                cells.append(self._seconds(result))
            count = "failed" if result.failure else str(result.images)
            lines.append([METHOD_ROWS[name].label, count, *cells])
        return "\n".join(f"| {' | '.join(line)} |" for line in lines)

    def _cell(self, name, metric, seam):
        summary = self.summaries[name][metric]
        if summary is None:
            return _NONE
        if metric == "passes":
            passes = summary["mean"]
            return f"{passes:.1f}" if 0 < passes < 10 else f"{passes:,.0f}"
        mean, low, high = (_number(summary[key]) for key in ("mean", "low", "high"))
        return f"{mean}{seam}{low}{' to ' if low.startswith('-') else _DASH}{high}"

    def _seconds(self, result):
        seconds = result.seconds_per_image
        if seconds is None or METHOD_ROWS[result.name].kind == "control":
            return _NONE
        return f"{seconds:.1f}" if seconds >= 10 else f"{seconds:.2g}"


def _number(value):
    """Returns a number with three digits, without a minus before a rounded zero."""
    text = f"{value:.3f}"
    return text.lstrip("-") if not float(text) else text


def _listed(array):
    """Returns an array as lists of JSON values, NaN as None."""
    if array is None:
        return None
    rounded = np.round(np.asarray(array, "float64"), 6).astype(object)
    return np.where(np.isnan(array), None, rounded).tolist()
