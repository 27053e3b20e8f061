"""The benchmark for a GPU runs on a CPU too, on a tiny classifier."""

import importlib
import pathlib

import pytest

BENCHMARKS = pathlib.Path(__file__).parents[2] / "benchmarks"


@pytest.fixture
def gpu(monkeypatch):
    monkeypatch.syspath_prepend(BENCHMARKS)
    return importlib.import_module("gpu")


@pytest.mark.thorough
@pytest.mark.parametrize("few", [True, False])
def test_every_row_is_measured(gpu, eager, capsys, monkeypatch, few):
    if few:
        for name in ("KINDS", "METHODS"):
            first = dict([*getattr(gpu, name).items()][:1])
            monkeypatch.setattr(gpu, name, first)
    gpu.main(["--small"])
    rows = capsys.readouterr().out.splitlines()[4:]
    kinds, methods = len(gpu.KINDS), len(gpu.METHODS)
    assert len(rows) == 2 + kinds * len(gpu.SETTINGS) + kinds + methods + 1
    assert not [row for row in rows if "failed" in row]
    assert all(float(row.split("|")[2]) > 0 for row in rows)


def test_a_failure_is_a_row(gpu, capsys):
    def fails():
        raise MemoryError("more than\nthere is")

    gpu.Table(0.1, 0.1).row("one", fails)
    assert (
        "| one | failed: MemoryError: more than there is |" in capsys.readouterr().out
    )
