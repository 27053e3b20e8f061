"""The benchmark of the masks' size measures what the weights do."""

import importlib
import pathlib
import re

import pytest

BENCHMARKS = pathlib.Path(__file__).parents[2] / "benchmarks"


@pytest.mark.thorough
def test_a_heavy_area_makes_masks_smaller(capsys, monkeypatch):
    monkeypatch.syspath_prepend(BENCHMARKS)
    mask_size = importlib.import_module("mask_size")
    argv = ["mask_size.py", "patches", "--steps", "40"]
    areas = {}
    for loss in ("target_area_weight=3", "target_area_weight=15"):
        monkeypatch.setattr("sys.argv", [*argv, "--loss", loss, "--rate", "1e-3"])
        mask_size.main()
        lines = capsys.readouterr().out.splitlines()
        assert [line.split(":")[0] for line in lines] == [
            "before",
            *(f"step {step}" for step in (10, 20, 30, 40)),
        ]
        areas[loss] = [float(re.search(r"area (0\.\d+)", line)[1]) for line in lines]
    before, after = zip(*((row[0], row[-1]) for row in areas.values()))
    assert before[0] == before[1]  # The same explainer, trained anew.
    assert after[1] < 0.95 * after[0]
