"""Where the commands print: plain text that is never taken for markup, and bars."""

from rich.console import Console
from rich.progress import BarColumn
from rich.progress import MofNCompleteColumn
from rich.progress import Progress
from rich.progress import TextColumn
from rich.progress import TimeElapsedColumn
from rich.progress import TimeRemainingColumn

console = Console(markup=False, emoji=False, highlight=False, soft_wrap=True)


def working(text):
    """Returns a block with a sign that something is being done, on a terminal alone.

    Args:
        text: String, what is being done.
    """
    return console.status(text)


def count_bar():
    """Returns a bar that shows how many of a known number are done.

    Returns:
        A `rich.progress.Progress` that does not scroll, whose tasks have a description.
    """
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
        console=console,
        transient=True,
        disable=not console.is_terminal,
    )
