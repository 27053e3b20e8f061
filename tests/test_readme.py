"""The README: its Python blocks are run, its commands parsed, its size is bounded."""

import pathlib

import pytest
from markdown_code import blocks
from markdown_code import check_command
from markdown_code import check_mentioned
from markdown_code import commands
from markdown_code import first_line
from markdown_code import mentioned
from stand_ins import STAND_INS

TEXT = (pathlib.Path(__file__).parents[1] / "README.md").read_text()
PYTHON = [code for language, code in blocks(TEXT) if language == "python"]


def test_it_is_short_and_every_block_is_known():
    assert len(TEXT.splitlines()) <= 150
    assert {language for language, _ in blocks(TEXT)} == {"python", "sh", "bibtex"}
    assert {first_line(code) for code in PYTHON} <= set(STAND_INS)


@pytest.mark.slow  # trainings and an export
@pytest.mark.parametrize("code", PYTHON, ids=first_line)
def test_python_block(code, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    with STAND_INS[first_line(code)](monkeypatch) as names:
        exec(compile(code, "README.md", "exec"), names)


@pytest.mark.parametrize("command", commands(TEXT))
def test_command(command, monkeypatch):
    check_command(command, monkeypatch)


@pytest.mark.parametrize("command", mentioned(TEXT))
def test_mentioned_command(command, monkeypatch, capsys):
    check_mentioned(command, monkeypatch, capsys)
