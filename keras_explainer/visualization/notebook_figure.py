"""A figure that shows itself in a notebook."""

import io

from matplotlib.figure import Figure


class NotebookFigure(Figure):
    """A matplotlib Figure that Jupyter draws, with pyplot imported or not."""

    def _repr_png_(self):
        file = io.BytesIO()
        self.canvas.print_png(file)
        return file.getvalue()
