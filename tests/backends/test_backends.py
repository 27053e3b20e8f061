"""JAX and PyTorch give what TensorFlow gives, for models that TensorFlow trained."""

import importlib.util
import os
import pathlib
import subprocess
import sys

import keras
import numpy as np
import pytest
import trained

import keras_explainer as kx

PROGRAM = pathlib.Path(__file__).with_name("program.py")
spec = importlib.util.spec_from_file_location("program_on_tensorflow", PROGRAM)
program = importlib.util.module_from_spec(spec)
spec.loader.exec_module(program)


def on_backend(name, *marks):
    is_there = importlib.util.find_spec(name) is not None
    skips = pytest.mark.skipif(not is_there, reason=f"{name} is not installed")
    return pytest.param(name, marks=[skips, *marks])


every_backend = pytest.mark.parametrize(
    "backend", [on_backend("jax"), on_backend("torch", pytest.mark.slow)]
)
# What costs JAX more than a few seconds to compile.
every_backend_slowly = pytest.mark.parametrize(
    "backend", [on_backend(name, pytest.mark.slow) for name in ("jax", "torch")]
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A folder with pictures, and soon with what TensorFlow trained."""
    folder = tmp_path_factory.mktemp("backends")
    images, labels, truth = trained.patches(6, seed=3)
    more, more_labels, _ = trained.patches(256, seed=7)
    np.savez(
        folder / "data.npz",
        images=images,
        labels=labels,
        truth=truth.max(axis=-1),
        training_images=more,
        training_labels=more_labels,
    )
    return folder


@pytest.fixture(scope="module")
def answers(folder, trained_classifier, trained_explainer):
    """A function from a backend and a part of the program to its answers."""

    def write(part):
        if part in ("one_step", "classifiers"):
            for kind in trained.KINDS if part == "classifiers" else ["softmax"]:
                path = folder / f"untrained_{kind.replace(' ', '_')}.keras"
                if path.exists():
                    continue  # Another would begin with other weights.
                explainer = kx.ExplainerModel(
                    trained_classifier(kind),
                    multi_label=False if kind == "logits" else "auto",
                )
                explainer.save(path)
        elif part in ("explainers", "on_request"):
            for name in trained.EXPLAINERS if part == "explainers" else ["explainer"]:
                explainer = trained_explainer(name)
                explainer.compile()
                explainer.save(folder / f"explainer_{name}.keras")
        else:
            trained_classifier().save(folder / "classifier.keras")

    def of_backend(backend, part):
        path = folder / f"{backend}_{part}.npz"
        if not path.exists() and backend == "tensorflow":
            write(part)
            program.main(folder, part)
        elif not path.exists():
            run(backend, folder, part)
        return dict(np.load(path))

    return of_backend


def run(backend, folder, part, **environment):
    environment = {
        **os.environ,
        "KERAS_BACKEND": backend,
        "PYTHONPATH": os.pathsep.join(sys.path),
        # On tiny models threads wait for each other rather than work.
        "OMP_NUM_THREADS": "1",
        **environment,
    }
    done = subprocess.run(
        [sys.executable, PROGRAM, folder, part],
        env=environment,
        capture_output=True,
        text=True,
        timeout=900,
    )
    assert done.returncode == 0, done.stderr[-3000:]


def assert_same(found, expected, atol=1e-4):
    assert list(found) == list(expected)
    for name, value in expected.items():
        # Votes of cells enlarge what rounds otherwise.
        bound = 1e-3 if "masks" in name or name in ("refined", "in batches") else atol
        np.testing.assert_allclose(
            found[name], value, rtol=bound, atol=bound, err_msg=name
        )


@every_backend
def test_a_step_of_training(answers, backend):
    expected = answers("tensorflow", "one_step")
    found = answers(backend, "one_step")
    assert_same(found, expected)
    assert sum("weights" in name for name in found) > 10


@pytest.mark.parametrize("part", ["classifiers", "explainers", "on_request", "maps"])
@every_backend_slowly
def test_masks_losses_and_maps(answers, backend, part):
    expected = answers("tensorflow", part)
    assert_same(answers(backend, part), expected)


@every_backend_slowly
def test_a_short_training(answers, backend, folder):
    expected = answers("tensorflow", "training")
    found = answers(backend, "training")
    assert found["trained share"] > 0.9 * expected["trained share"]
    assert found["trained share"] > 0.6
    # Draws differ: untrained it is more than 3.
    assert found["trained loss"] < expected["trained loss"] + 0.4
    # What was trained there is read here.
    explainer = keras.saving.load_model(folder / f"trained_{backend}.keras")
    data = np.load(folder / "data.npz")
    masks = explainer.explain(data["images"], targets=data["labels"]).masks[..., 0]
    np.testing.assert_allclose(masks, found["trained masks"], atol=1e-3)


@pytest.mark.parametrize("backend", [on_backend("jax", pytest.mark.slow)])
def test_two_devices_take_the_step_of_one(answers, folder, backend):
    expected = answers("tensorflow", "one_step")
    two = "--xla_force_host_platform_device_count=2"
    run(backend, folder, "two_devices", XLA_FLAGS=two)
    assert_same(dict(np.load(folder / f"{backend}_two_devices.npz")), expected)


@every_backend
def test_tensorflow_is_not_imported(backend):
    code = (
        "import sys, keras_explainer as kx; kx.ExplainerModel; kx.attribution; "
        "kx.metrics; kx.visualization; assert 'tensorflow' not in sys.modules"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "KERAS_BACKEND": backend},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
