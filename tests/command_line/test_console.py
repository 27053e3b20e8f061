"""What is shown while something is being done."""

import io

import pytest
from rich.console import Console

from keras_explainer.command_line import console as shared


@pytest.fixture
def screen(monkeypatch):
    """A function that puts a terminal, or a file, in place of the screen."""

    def replace(is_terminal):
        file = io.StringIO()
        console = Console(file=file, force_terminal=is_terminal, width=80)
        monkeypatch.setattr(shared, "console", console)
        return file

    return replace


def test_a_terminal_shows_what_is_being_done(screen):
    file = screen(True)
    with shared.working("Exporting"):
        pass
    assert "Exporting" in file.getvalue()
    with shared.count_bar() as bar:
        list(bar.track(range(3), description="Explaining"))
    assert "Explaining" in file.getvalue() and "3/3" in file.getvalue()


def test_a_pipe_and_a_file_get_results_alone(screen):
    file = screen(False)
    with shared.working("Exporting"), shared.count_bar() as bar:
        list(bar.track(range(3), description="Explaining"))
    assert file.getvalue() == ""
