"""Training curves as inline SVG, one small chart for each figure."""

from html import escape

_WIDTH, _HEIGHT = 240, 120
_LEFT, _RIGHT, _TOP, _BOTTOM = 44, 8, 8, 20
_NOT_CURVES = ("epoch", "seconds")


def training_curves(rows):
    """Draws the history of a training.

    A figure and its validation, `val_<figure>`, share a chart.

    Args:
        rows: List of dicts of numbers, one for each epoch, as `read_history` returns
            them.

    Returns:
        String of HTML, empty if there are no rows.
    """
    if not rows:
        return ""
    names = [name for name in rows[0] if name not in _NOT_CURVES]
    shared = [name for name in names if name.removeprefix("val_") not in names]
    alone = [name for name in names if not name.startswith("val_")]
    return "\n".join(_chart(name, rows) for name in [*alone, *shared])


def _chart(name, rows):
    lines = {"training": [row[name] for row in rows]}
    if f"val_{name}" in rows[0]:
        lines["validation"] = [row[f"val_{name}"] for row in rows]
    levels = [level for line in lines.values() for level in line]
    low, high = min(levels), max(levels)
    first, last = rows[0]["epoch"], rows[-1]["epoch"]

    def place(epoch, level):
        across = (epoch - first) / (last - first) if last > first else 0.5
        up = (level - low) / (high - low) if high > low else 0.5
        x = _LEFT + across * (_WIDTH - _LEFT - _RIGHT)
        y = _TOP + (1 - up) * (_HEIGHT - _TOP - _BOTTOM)
        return f"{x:.1f}", f"{y:.1f}"

    drawn = []
    for kind, line in lines.items():
        points = [place(row["epoch"], level) for row, level in zip(rows, line)]
        path = " ".join(",".join(point) for point in points)
        drawn.append(f'<polyline class="{kind}" points="{path}"/>')
        drawn += [
            f'<circle class="{kind}" cx="{x}" cy="{y}" r="2.5"><title>epoch '
            f"{row['epoch']}, {kind}: {level:.4g}</title></circle>"
            for (x, y), row, level in zip(points, rows, line)
        ]
    bottom, right = _HEIGHT - _BOTTOM, _WIDTH - _RIGHT
    ends = ", ".join(f"{kind} {line[-1]:.4g}" for kind, line in lines.items())
    title = escape(name.replace("_", " "))
    return (
        f"<figure><figcaption><b>{title}</b> <small>{ends}</small></figcaption>"
        f'<svg viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" aria-label="{title} over '
        f'the epochs">'
        f'<path class="axis" d="M{_LEFT} {_TOP}V{bottom}H{right}"/>'
        f'<text x="{_LEFT - 5}" y="{_TOP + 8}" class="level">{high:.3g}</text>'
        + (f'<text x="{_LEFT - 5}" y="{bottom}" class="level">{low:.3g}</text>')
        * (high > low)
        + f'<text x="{_LEFT}" y="{_HEIGHT - 5}">epoch {first}</text>'
        + f'<text x="{right}" y="{_HEIGHT - 5}" class="level">{last}</text>'
        * (last > first)
        + "".join(drawn)
        + "</svg></figure>"
    )
