"""Captioned pictures on a grid, placed to the pixel: the layout of every figure."""

from dataclasses import dataclass

import numpy as np

from keras_explainer.visualization.caption import fit_caption
from keras_explainer.visualization.caption_font import caption_font
from keras_explainer.visualization.caption_font import drawable
from keras_explainer.visualization.pixels import resize

# Nine inches at this density: 900 pixels on a page, sharp on a dense screen.
DPI = 150
_WIDTH = 1350
_MARGIN = 18
_GUTTER = 12
_ROW_GAP = 18
_BAR = 5
_MIN_PANEL_WIDTH = 110  # Any header fits; the figure grows wider instead.
MAX_PANEL_WIDTH = 480

# Pixels by which a picture's place is smaller. Where rounding makes it larger than the
# picture, Matplotlib up to 3.10 enlarges the picture by a pixel.
_INSET = 1e-6
_FONT_SIZE = 8
_ASCENT = 16
_LINE_HEIGHT = 22
_TEXT_PAD = 7
_TEXT_COLOR = "#24292F"
_HEADER_COLOR = "#57606A"


@dataclass
class Panel:
    """One picture with its caption.

    Attributes:
        pixels: uint8 array (h, w, 3), no wider than `panel_width`.
        caption: String, wrapped under the picture, or "".
        score: float shown after the caption, or None.
        color: String, the colour of the bar between picture and caption, or None.
        otherwise: String, the caption where no font that is installed has its letters.
        kept_score: float, what is left of the score from the mask alone, or None.
        removed_score: float, the same without the mask, or None.
    """

    pixels: np.ndarray
    caption: str = ""
    score: float | None = None
    color: str | None = None
    otherwise: str = ""
    kept_score: float | None = None
    removed_score: float | None = None


def panel_width(columns, max_width=MAX_PANEL_WIDTH):
    """Returns the pixels across a panel where `columns` panels share a figure."""
    free = _WIDTH - 2 * _MARGIN - (columns - 1) * _GUTTER
    return max(_MIN_PANEL_WIDTH, min(free // columns, max_width))


def fit(image, width, height=None):
    """Returns the image at the width, or less where it would be too high.

    Args:
        image: uint8 array (H, W, 3).
        width: int, in pixels.
        height: int, the most pixels down. Defaults to one and a half times `width`.
    """
    height = height or 1.5 * width
    scale = min(width / image.shape[1], height / image.shape[0])
    return resize(image, [max(1, round(scale * side)) for side in image.shape[:2]])


def panel_figure(rows, width, headers=None):
    """Draws rows of panels, each standing on the bottom of its row.

    Args:
        rows: List of lists of `Panel`, or None where a place stays empty.
        width: int, the pixels across a place, from `panel_width`.
        headers: List of strings, one above each column, or None.

    Returns:
        matplotlib Figure on an Agg canvas of its own.
    """
    from matplotlib.backends.backend_agg import RendererAgg

    shown = [panel for row in rows for panel in row if panel]
    font, missing = caption_font([panel.caption for panel in shown], _FONT_SIZE)
    renderer = RendererAgg(1, 1, DPI)

    def measure(text):
        return renderer.get_text_width_height_descent(text, font, ismath=False)[0]

    captions = [
        [_caption(panel, missing, width, measure) for panel in row] for row in rows
    ]
    heights = [
        max((len(panel.pixels) for panel in row if panel), default=0) for row in rows
    ]
    text_heights = [
        max(_TEXT_PAD + _LINE_HEIGHT * len(lines) if lines else 0 for lines in row)
        for row in captions
    ]
    header_height = _LINE_HEIGHT + _TEXT_PAD if headers else 0
    columns = max(len(row) for row in rows)
    sheet = _Sheet(
        2 * _MARGIN + columns * width + (columns - 1) * _GUTTER,
        2 * _MARGIN
        + header_height
        + sum(heights)
        + sum(text_heights)
        + len(rows) * _BAR
        + (len(rows) - 1) * _ROW_GAP,
        font,
    )
    lefts = [_MARGIN + column * (width + _GUTTER) for column in range(columns)]
    for left, header in zip(lefts, headers or []):
        sheet.write(left, _MARGIN, header, _HEADER_COLOR)
    bottom = _MARGIN + header_height
    for row, row_captions, height, text_height in zip(
        rows, captions, heights, text_heights
    ):
        bottom += height
        for left, panel, lines in zip(lefts, row, row_captions):
            if panel is None:
                continue
            sheet.show(left, bottom - len(panel.pixels), panel.pixels)
            if panel.color:
                sheet.fill(left, bottom, panel.pixels.shape[1], _BAR, panel.color)
            for i, line in enumerate(lines):
                top = bottom + _BAR + _TEXT_PAD + i * _LINE_HEIGHT
                sheet.write(left, top, line, _TEXT_COLOR)
        bottom += _BAR + text_height + _ROW_GAP
    return sheet.figure


class _Sheet:
    """A white figure addressed in pixels from its top left corner."""

    def __init__(self, width, height, font):
        from matplotlib.backends.backend_agg import FigureCanvasAgg

        from keras_explainer.visualization.notebook_figure import NotebookFigure

        self.width, self.height, self.font = width, height, font
        self.figure = NotebookFigure(
            (width / DPI, height / DPI), DPI, facecolor="white"
        )
        FigureCanvasAgg(self.figure)

    def show(self, left, top, pixels):
        height, width = (side - 2 * _INSET for side in pixels.shape[:2])
        box = self._box(left + _INSET, top + _INSET, width, height)
        axes = self.figure.add_axes(box)
        axes.imshow(pixels, aspect="auto", interpolation="nearest")
        axes.set_axis_off()

    def fill(self, left, top, width, height, color):
        from matplotlib.patches import Rectangle

        x, y, w, h = self._box(left, top, width, height)
        self.figure.add_artist(Rectangle((x, y), w, h, color=color, linewidth=0))

    def write(self, left, top, text, color):
        self.figure.text(
            left / self.width,
            1 - (top + _ASCENT) / self.height,
            text,
            color=color,
            fontproperties=self.font,
            va="baseline",
            parse_math=False,
            usetex=False,
        )

    def _box(self, left, top, width, height):
        return (
            left / self.width,
            1 - (top + height) / self.height,
            width / self.width,
            height / self.height,
        )


def _caption(panel, missing, width, measure):
    if panel is None or not panel.caption:
        return []
    score = "" if panel.score is None else f"{panel.score:.2f}"
    caption = drawable(panel.caption, missing, panel.otherwise)
    return fit_caption(caption, score, width, measure) + _proof(panel, width, measure)


def _proof(panel, width, measure):
    """Returns what the caption tells of the mask's two parts, on one line or on two."""
    if panel.kept_score is None:
        return []
    parts = [f"alone {panel.kept_score:.2f}", f"without {panel.removed_score:.2f}"]
    line = ", ".join(parts)
    return [line] if measure(line) <= width else parts
