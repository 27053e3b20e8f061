"""Training on two devices, and by two workers, against the same on one device."""

import json
import os
import pathlib
import signal
import socket
import subprocess
import sys
import time

import numpy as np
import pytest

HERE = pathlib.Path(__file__).parent
PROGRAM = HERE / "devices_program.py"
KINDS = (
    *("explainer", "discrete_mask_published"),
    # What draws otherwise, or shares less over the images of a step.
    *("discrete_mask", "real_time_saliency", "l2x", "bla-ph", "bla", "l2x-f"),
)
# What workers do otherwise than devices is the same for all kinds.
BY_WORKERS = ("explainer", "l2x")
pytestmark = pytest.mark.slow


def started(*argv, program=PROGRAM, **environment):
    path = os.pathsep.join(map(str, (HERE.parents[1], HERE.parent, HERE)))
    return subprocess.Popen(
        [sys.executable, program, *map(str, argv)],
        env={
            **os.environ,
            "PYTHONPATH": path,
            "CUDA_VISIBLE_DEVICES": "",
            **environment,
        },
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def started_workers(*argvs):
    """Starts a worker for each list of arguments, on ports that are free."""
    sockets = [socket.socket() for _ in argvs]
    for each in sockets:
        each.bind(("localhost", 0))
    workers = [f"localhost:{each.getsockname()[1]}" for each in sockets]
    for each in sockets:
        each.close()
    tasks = [{"type": "worker", "index": index} for index in range(len(argvs))]
    cluster = {"worker": workers}
    return [
        started(*argv, TF_CONFIG=json.dumps({"cluster": cluster, "task": task}))
        for argv, task in zip(argvs, tasks)
    ]


def finished(*processes):
    for process in processes:
        told = process.communicate(timeout=600)[0]
        assert process.returncode == 0, told[-3000:]


def on_one_device(folder, *kinds):
    finished(started("one", folder / "one.npz", *kinds))
    return np.load(folder / "one.npz")


def assert_same(found, expected, kinds):
    names = [name for name in expected.files if name.split("/")[0] in kinds]
    assert set(found.files) == set(names) and len(names) > 20 * len(kinds)
    for name in names:
        if name.startswith("discrete_mask_published/17/weight"):
            continue  # The mean of its batch counts the image that fills up.
        np.testing.assert_allclose(
            found[name], expected[name], rtol=1e-5, atol=1e-5, err_msg=name
        )


@pytest.mark.parametrize(
    "kinds", [KINDS[:2], pytest.param(KINDS[2:], marks=pytest.mark.thorough)]
)
def test_two_devices_take_the_step_of_one(kinds, tmp_path):
    path = tmp_path / "two.npz"
    finished(started("two", path, *kinds))
    assert_same(np.load(path), on_one_device(tmp_path, *kinds), kinds)


@pytest.mark.thorough
def test_two_workers_take_the_step_of_one(tmp_path):
    paths = [tmp_path / "first.npz", tmp_path / "second.npz"]
    finished(*started_workers(*(["worker", path, *BY_WORKERS] for path in paths)))
    first, second = map(np.load, paths)
    assert_same(first, on_one_device(tmp_path, *BY_WORKERS), BY_WORKERS)
    for name in first.files:
        np.testing.assert_array_equal(first[name], second[name], err_msg=name)


@pytest.mark.thorough
# What else the machine does is seen before the tests begin.
@pytest.mark.skipif(
    os.getloadavg()[0] > 3 * os.cpu_count(),
    reason="too much else to do here: TensorFlow would miss its own heartbeats",
)
def test_a_killed_worker_ends_the_run_which_is_resumed(tmp_path):
    backup, results = tmp_path / "backup", [tmp_path / "a.npz", tmp_path / "b.npz"]
    arguments = [["long", path, backup] for path in results]
    chief, other = started_workers(*arguments)
    while not (backup / "training_metadata.json").exists():
        assert chief.poll() is None, chief.communicate()[0][-3000:]
        time.sleep(0.1)
    other.send_signal(signal.SIGKILL)
    killed = time.monotonic()
    told = chief.communicate(timeout=300)[0]
    assert time.monotonic() - killed < 200
    assert chief.returncode != 0
    assert "RuntimeError: Training should go on with all its workers; start" in told
    assert not results[0].exists()

    finished(*started_workers(*arguments))
    resumed = dict(np.load(results[0]))
    whole = [["long", path, tmp_path / "none"] for path in results]
    finished(*started_workers(*whole))
    uninterrupted = dict(np.load(results[0]))
    assert 0 < len(resumed["loss"]) < len(uninterrupted["loss"])
    for name in uninterrupted:
        if name != "loss":
            np.testing.assert_allclose(resumed[name], uninterrupted[name], atol=1e-5)
