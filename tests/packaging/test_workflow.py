"""The hosted CI: it runs targets of the Makefile, on the versions that are promised."""

import configparser
import pathlib
import re

ROOT = pathlib.Path(__file__).parents[2]
WORKFLOW = (ROOT / ".github" / "workflows" / "tests.yml").read_text()
MAKEFILE = (ROOT / "Makefile").read_text()


def test_every_command_is_a_target_of_the_makefile():
    commands = re.findall(r"- run: (.+)", WORKFLOW)
    targets = re.findall(r"target: ([\w-]+)}", WORKFLOW)
    for command in commands:
        *make, target = command.removesuffix(" ${{ matrix.target }}").split()
        if command.endswith("}}"):
            make.append(target)
        else:
            targets.append(target)
        assert make in (["make"], ["make", "PYTHON=python"])
    assert {"lint", "test", "test-fast", "test-oldest"} <= set(targets)
    for target in targets:
        assert re.search(rf"^{target}:", MAKEFILE, re.MULTILINE), target


def test_every_promised_version_of_python_is_tried():
    setup = configparser.ConfigParser()
    setup.read(ROOT / "setup.cfg")
    promised = re.findall(r"Python :: (3\.\d+)", setup["metadata"]["classifiers"])
    tried = re.findall(r'{python: "(3\.\d+)"', WORKFLOW)
    assert promised and set(promised) <= set(tried)
