"""The comparison as pictures: curves, class discrimination and a gallery."""

import itertools

import numpy as np

from keras_explainer.evaluation.method_rows import METHOD_ROWS
from keras_explainer.inputs.check_class_names import check_class_names
from keras_explainer.metrics.overlap import IOU_THRESHOLDS
from keras_explainer.visualization.caption_font import caption_font
from keras_explainer.visualization.caption_font import drawable
from keras_explainer.visualization.overlay import overlay
from keras_explainer.visualization.panel_figure import DPI
from keras_explainer.visualization.panel_figure import Panel
from keras_explainer.visualization.panel_figure import fit
from keras_explainer.visualization.panel_figure import panel_figure
from keras_explainer.visualization.panel_figure import panel_width
from keras_explainer.void import VOID

_TRUTH_COLOR = "#FFFFFF"
# Wide enough for the longest label, "Extremal perturbation".
_PANEL_WIDTH = 196
# Okabe and Ito's colours, told apart by all.
_COLORS = (
    "#E69F00",
    "#0072B2",
    "#009E73",
    "#CC79A7",
    "#56B4E9",
    "#D55E00",
    "#8B6F00",
    "#000000",
)
# Behind classes that are in no image.
_NO_IMAGE = "#F3F3F3"
# Of a class, beside a matrix.
_NAME_LETTERS = 24
_GREYS = ("#BBBBBB", "#999999", "#777777", "#CC9999", "#555555")


def curves_figure(results):
    """Draws insertion, deletion and IoU curves of all methods.

    Args:
        results: Dict as `evaluate_methods` returns it.

    Returns:
        matplotlib Figure, or None if no method has a curve.

    Example:

    ```python
    figure = curves_figure(results)
    kx.visualization.save_figure(figure, "curves.png")
    ```
    """
    kinds = [
        ("insertion_curve", "Insertion", "share of the pixels shown", "probability"),
        ("deletion_curve", "Deletion", "share of the pixels removed", "probability"),
        ("iou_curve", "IoU", "threshold of the mask", "IoU"),
    ]
    kinds = [
        kind
        for kind in kinds
        if any(result.curve(kind[0]) is not None for result in results.values())
    ]
    if not kinds:
        return None
    figure = _figure(3.4 * len(kinds) + 1.9, max(3.4, 0.1 + 0.18 * len(results)))
    axes = figure.subplots(1, len(kinds), squeeze=False)[0]
    styles = _styles(results)
    most = max(result.images for result in results.values())
    labels = {
        name: METHOD_ROWS[name].label
        + (f" ({_counted(result.images)})" if result.images < most else "")
        for name, result in results.items()
    }
    for axis, (name, title, across, up) in zip(axes, kinds):
        for method, result in results.items():
            curve = result.curve(name)
            if curve is None:
                continue
            places = np.linspace(0, 1, len(curve))
            places = IOU_THRESHOLDS if name == "iou_curve" else places
            axis.plot(places, curve, label=labels[method], **styles[method])
        axis.set_title(title, fontsize=10, loc="left")
        axis.set_xlabel(across, fontsize=8)
        axis.set_ylabel(up, fontsize=8)
        axis.set_ylim(bottom=0)
        axis.tick_params(labelsize=8)
        axis.grid(color="#EEEEEE")
        axis.spines[["top", "right"]].set_visible(False)
    # A method may have no curve of the first kind.
    lines = {
        line.get_label(): line for axis in reversed(axes) for line in axis.get_lines()
    }
    shown = [labels[name] for name in results if labels[name] in lines]
    figure.legend(
        [lines[label] for label in shown],
        shown,
        loc="outside right upper",
        fontsize=8,
        frameon=False,
    )
    return figure


def discrimination_figure(results, class_names):
    """Draws what the mask of each class keeps of the class that is there.

    Args:
        results: Dict as `evaluate_methods` returns it.
        class_names: List of C strings.

    Returns:
        matplotlib Figure, or None if no method has a matrix.

    Example:

    ```python
    figure = discrimination_figure(results, explainer.class_names)
    kx.visualization.save_figure(figure, "class_discrimination.png")
    ```
    """
    shown = {
        f"{METHOD_ROWS[name].label}, {_compared(result)}": result
        for name, result in results.items()
        if METHOD_ROWS[name].kind == "method" or name == "ideal"
    }
    matrices = {
        label: result.discrimination_matrix() for label, result in shown.items()
    }
    matrices = {k: v for k, v in matrices.items() if v is not None}
    if not matrices:
        return None
    names = check_class_names(class_names)
    font, missing = caption_font(names, 7)
    # Names are no formulas, whatever signs are in them.
    plain = {"fontproperties": font, "parse_math": False, "usetex": False}
    names = [
        _shortened(drawable(name, missing, f"class {index}"))
        for index, name in enumerate(names)
    ]
    columns = min(3, len(matrices))
    rows = -(-len(matrices) // columns)
    side = max(2.8, 0.34 * len(class_names) + 0.9)
    figure = _figure(columns * side + 0.9, rows * side + 0.3)
    axes = figure.subplots(rows, columns, squeeze=False).flat
    top = max(np.nanmax(matrix) for matrix in matrices.values())
    for axis, (label, matrix) in zip(axes, matrices.items()):
        picture = axis.imshow(100 * matrix, vmin=0, vmax=100 * top, cmap="Blues")
        axis.set_facecolor(_NO_IMAGE)
        for (row, column), value in np.ndenumerate(matrix):
            if not np.isnan(value):
                color = "white" if value > 0.6 * top else "#24292F"
                text = f"{100 * value:.0f}"
                axis.text(
                    column,
                    row,
                    text,
                    ha="center",
                    va="center",
                    fontsize=7,
                    color=color,
                )
        ticks = range(len(names))
        axis.set_xticks(ticks, names, rotation=90, **plain)
        axis.set_yticks(ticks, names, **plain)
        axis.tick_params(length=0)
        axis.set_title(label, fontsize=9, loc="left")
        axis.spines[:].set_visible(False)
    for axis in list(figure.axes)[len(matrices) :]:
        axis.set_visible(False)
    figure.supxlabel("class whose mask is kept", fontsize=8)
    figure.supylabel("class in the image", fontsize=8)
    bar = figure.colorbar(picture, ax=figure.axes, shrink=0.6, aspect=30)
    bar.ax.tick_params(labelsize=7)
    bar.set_label("probability of the class in the image (%)", fontsize=8)
    return figure


def comparison_gallery(images, results, truth=None):
    """Draws images with the ground truth and the mask of each method, side by side.

    Args:
        images: Array (N, H, W, 3), 0 to 255, the first images of the data.
        results: Dict as `evaluate_methods` returns it.
        truth: Array (N, H, W): 0 for background, 255 for void; or None.

    Returns:
        matplotlib Figure; an image that a method did not reach leaves its place
        empty.

    Example:

    ```python
    figure = comparison_gallery(pictures, results, truth)
    kx.visualization.save_figure(figure, "gallery.png")
    ```
    """
    masks = {
        METHOD_ROWS[name].label: result.values["gallery"] / 255
        for name, result in results.items()
        if METHOD_ROWS[name].kind == "method" and result.images
    }
    headers = ["image", *(["ground truth"] if truth is not None else []), *masks]
    width = max(_PANEL_WIDTH, panel_width(len(headers)))
    rows = []
    for index, image in enumerate(images):
        picture = fit(np.rint(np.clip(image, 0, 255)).astype("uint8"), width)
        row = [Panel(picture)]
        if truth is not None:
            inside = (truth[index] > 0) & (truth[index] != VOID)
            row.append(Panel(overlay(picture, inside, _TRUTH_COLOR)))
        for of_method in masks.values():
            reached = index < len(of_method)
            row.append(Panel(overlay(picture, of_method[index])) if reached else None)
        rows.append(row)
    return panel_figure(rows, width, headers)


def _shortened(name):
    name = " ".join(name.split())
    return name if len(name) <= _NAME_LETTERS else f"{name[: _NAME_LETTERS - 1]}…"


def _counted(images):
    return f"{images} image" if images == 1 else f"{images} images"


def _compared(result):
    """Says of how many images class discrimination was measured."""
    gaps = result.values.get("own_class", np.zeros(0))
    return _counted(int((~np.isnan(gaps)).sum()))


def _styles(results):
    """Returns the line style of each method, no two alike: controls are thin and grey.

    When the colours are used up they come again as dashed lines, then with a dot
    between the dashes, with two, and so on.
    """
    methods, controls = itertools.count(), itertools.count()
    styles = {}
    for name in results:
        if METHOD_ROWS[name].kind == "method":
            again, number = divmod(next(methods), len(_COLORS))
            style = {"color": _COLORS[number], "linewidth": 1.8}
        else:
            again, number = divmod(next(controls), len(_GREYS))
            style = {"color": _GREYS[number], "linewidth": 1.1}
            again += 1
        dashes = (4, 1.5) + (1, 1.5) * (again - 1)
        styles[name] = {**style, "linestyle": (0, dashes) if again else "-"}
    return styles


def _figure(width, height):
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    from keras_explainer.visualization.notebook_figure import NotebookFigure

    figure = NotebookFigure(
        (width, height), DPI, facecolor="white", layout="constrained"
    )
    FigureCanvasAgg(figure)
    return figure
