"""The metrics of a run as an HTML table."""

from html import escape


def metrics_table(metrics):
    """Writes the content of a `metrics.json` as a table.

    Args:
        metrics: Dict of numbers, or dict of such dicts, one for each method.

    Returns:
        String of HTML.

    Example:

    >>> "<td>0.75</td>" in metrics_table({"Explainer": {"iou": 0.75}})
    True
    """
    methods = {name: row for name, row in metrics.items() if isinstance(row, dict)}
    if not methods:
        lines = [_line("th", ["figure", "value"])]
        lines += [_line("td", [_plain(k), _number(v)]) for k, v in metrics.items()]
        return f"<table>{''.join(lines)}</table>"
    columns = list(dict.fromkeys(name for row in methods.values() for name in row))
    lines = [_line("th", ["", *map(_plain, columns)])]
    for name, row in methods.items():
        values = [_number(row[c]) if c in row else "" for c in columns]
        lines.append(_line("td", [escape(name), *values]))
    return f"<table>{''.join(lines)}</table>"


def _line(tag, cells):
    return f"<tr>{''.join(f'<{tag}>{cell}</{tag}>' for cell in cells)}</tr>"


def _plain(name):
    return escape(name.replace("_", " "))


def _number(value):
    return f"{value:.4g}" if isinstance(value, float) else escape(str(value))
