"""Blocks and commands of Markdown: what they are, and whether they can be given."""

import argparse
import configparser
import pathlib
import re
import runpy
import shlex
import sys

import pytest

from keras_explainer.__main__ import build_parser
from keras_explainer.command_line.command_error import UsageError

ROOT = pathlib.Path(__file__).parents[1]
FENCE = r"^```(\w*)\n(.*?)^```$"
# Programs of others, which are not looked into.
OTHERS = {"cd", "docker", "git", "nvidia-smi", "tensorflow_model_server"}
MENTIONED = re.compile(r"`((?:keras-explainer|make|pip|python) [^`]+)`")


def blocks(text):
    """Returns pairs of the language and the code of each block."""
    return re.findall(FENCE, text, re.MULTILINE | re.DOTALL)


def prose(text):
    return re.sub(FENCE, "", text, flags=re.MULTILINE | re.DOTALL)


def commands(text):
    """Returns the commands of all blocks of a shell, without their comments."""
    code = "".join(code for language, code in blocks(text) if language == "sh")
    lines = code.replace("\\\n", " ").splitlines()
    lines = [" ".join(shlex.split(line, comments=True)) for line in lines]
    return [line for line in lines if line]


def mentioned(text):
    """Returns the commands that stand in sentences."""
    return [" ".join(command.split()) for command in MENTIONED.findall(prose(text))]


def first_line(code):
    return code.splitlines()[0].partition("  #")[0]


def check_command(command, monkeypatch):
    """Checks a command of a block, which must be whole."""
    program, *arguments = command.split()
    if program == "keras-explainer":
        assert build_parser().parse_args(arguments).run
    else:
        check_other(program, *arguments, monkeypatch=monkeypatch)


def check_mentioned(command, monkeypatch, capsys):
    """Checks a command of a sentence, which may leave out what it requires."""
    program, *arguments = shlex.split(command)
    if program == "keras-explainer":
        check_options(arguments, capsys)
    else:
        check_other(program, *arguments, monkeypatch=monkeypatch)


def check_other(program, *arguments, monkeypatch):
    if program == "make":
        check_target(*arguments)
    elif program == "pip":
        check_install(*arguments)
    elif program not in OTHERS:
        check_script(program, *arguments, monkeypatch=monkeypatch)


def check_options(arguments, capsys):
    """Checks a command that may stand without what it requires."""
    names = [a for a in arguments[:1] if not a.startswith("-")]
    for flag in ("--help", "--help-all"):  # Only a few commands have the latter.
        with pytest.raises((SystemExit, UsageError)):
            build_parser().parse_args([*names, flag])
    known = set(re.findall(r"--[a-z-]+", capsys.readouterr().out))
    assert {a for a in arguments if a.startswith("--")} <= known


def check_target(target):
    assert re.search(rf"^{target}:", (ROOT / "Makefile").read_text(), re.MULTILINE)


def check_install(action, package):
    setup = configparser.ConfigParser()
    setup.read(ROOT / "setup.cfg")
    assert action == "install"
    if package != ".":
        (extra,) = re.fullmatch(r"\.\[(\w+)\]", package).groups()
        assert extra in setup["options.extras_require"]


class Parsed(Exception):
    """Stops a script as soon as it has understood its arguments."""


def check_script(program, script, *arguments, monkeypatch):
    parse = argparse.ArgumentParser.parse_args

    def parse_and_stop(self, *args):
        raise Parsed(parse(self, *args))

    assert program == "python"
    code = with_neighbours(ROOT / script)
    if "grpc_server" in code:
        pytest.importorskip("tensorflow_serving", reason="no extra `serving` here")
    if "argparse" not in code:
        assert not arguments
        return
    monkeypatch.syspath_prepend((ROOT / script).parent)
    monkeypatch.setattr(sys, "argv", [script, *arguments])
    monkeypatch.setattr(argparse.ArgumentParser, "parse_args", parse_and_stop)
    with pytest.raises(Parsed):
        runpy.run_path(str(ROOT / script), run_name="__main__")


def with_neighbours(script):
    """Returns the code of a script and of those beside it that it imports from.

    One of them may read its arguments.
    """
    code = script.read_text()
    names = re.findall(r"^from (\w+) import", code, re.MULTILINE)
    beside = {script.with_name(f"{name}.py") for name in names}
    return code + "".join(path.read_text() for path in beside if path.exists())
