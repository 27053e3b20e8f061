"""What is built is the whole project; installed alone, it works in an empty folder."""

import os
import pathlib
import re
import subprocess
import sys
import sysconfig
import tarfile
import venv
import zipfile

import pytest

ROOT = pathlib.Path(__file__).parents[2]
BUILD = """
import os, sys
from setuptools import build_meta
os.chdir(sys.argv[1])
getattr(build_meta, sys.argv[2])(sys.argv[3])
"""
WHOLE = [
    *("saved_models", "examples", "docs", "tests", "constraints", "benchmarks"),
    *("keras_explainer", "Makefile", "CHANGELOG.md", "CONTRIBUTING.md"),
    *(".ci/run", ".github/workflows/tests.yml"),
]
# Run where only the wheel is installed; the README's first block needs what it names.
BEFORE = """
import sys
import keras, keras_explainer as kx
assert kx.__file__.startswith(sys.prefix), kx.__file__
assert not [path for path in sys.path if path in sys.argv[1:]]
shipped = kx.shipped_model("shapes_classifier")
assert str(shipped).startswith(sys.prefix), shipped
preprocess_input = keras.applications.mobilenet.preprocess_input
dataset = kx.datasets.shapes(32, preprocess_input=preprocess_input)
images = next(iter(dataset))[0][:4]
keras.applications.MobileNetV2 = lambda: keras.saving.load_model(shipped)
"""
SHIPPED = """
explainer = keras.saving.load_model(kx.shipped_model("shapes_explainer"))
masks = explainer.explain(images.numpy(), top_k=1).masks
assert masks.shape == (4, 128, 128, 1) and masks.std() > 0.1
assert kx.load("imagenet").class_names[281] == "tabby"
"""
AFTER = """
assert explanation.masks.shape == (4, 128, 128, 3)
import tensorflow_datasets
assert tensorflow_datasets.core
"""


def tracked(folder):
    """Copies what git has of the project, or all of an unpacked sdist."""
    listed = subprocess.run(
        ["git", "ls-files", "-co", "--exclude-standard", "-z"],
        cwd=ROOT,
        capture_output=True,
    )
    if listed.returncode:
        pytest.skip("not a checkout of git")
    for name in filter(None, listed.stdout.decode().split("\0")):
        if (ROOT / name).is_file():
            copy = folder / name
            copy.parent.mkdir(parents=True, exist_ok=True)
            copy.write_bytes((ROOT / name).read_bytes())
    return folder


def build(folder, kind, out):
    out.mkdir()
    command = [sys.executable, "-c", BUILD, str(folder), f"build_{kind}", str(out)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    (built,) = out.iterdir()
    return built


@pytest.fixture(scope="module")
def sdist(tmp_path_factory):
    folder = tmp_path_factory.mktemp("project")
    return build(tracked(folder), "sdist", tmp_path_factory.mktemp("out") / "sdist")


@pytest.fixture(scope="module")
def unpacked(sdist, tmp_path_factory):
    folder = tmp_path_factory.mktemp("sdist")
    with tarfile.open(sdist) as file:
        file.extractall(folder)
    (project,) = folder.iterdir()
    return project


@pytest.fixture(scope="module")
def wheel(unpacked, tmp_path_factory):
    return build(unpacked, "wheel", tmp_path_factory.mktemp("out") / "wheel")


@pytest.fixture(scope="module")
def python(wheel, tmp_path_factory):
    """An environment with the wheel, and what it needs: new, or that of the tests."""
    folder = tmp_path_factory.mktemp("environment")
    venv.create(folder, with_pip=True)
    python = folder / "bin" / "python"
    options = []
    if "BARE_INSTALL" not in os.environ:
        code = "import sysconfig; print(sysconfig.get_path('purelib'))"
        found = subprocess.check_output([python, "-c", code], text=True).strip()
        here = sysconfig.get_path("purelib")
        pathlib.Path(found, "requirements.pth").write_text(f"{here}\n")
        # The tests' environment may hold the package already, from this folder.
        options = ["--no-deps", "--no-index", "--ignore-installed"]
    subprocess.run(
        [python, "-m", "pip", "install", "--quiet", *options, wheel], check=True
    )
    return python


def run(command, folder):
    """Runs a command in a folder, without the paths of the tests."""
    hidden = ("PYTHONPATH", "KERAS_BACKEND")
    environment = {k: v for k, v in os.environ.items() if k not in hidden}
    done = subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_sdist_is_the_project(unpacked):
    assert [name for name in WHOLE if not (unpacked / name).exists()] == []
    names = {str(p.relative_to(ROOT)) for p in (ROOT / "tests").rglob("*.py")}
    packed = {str(p.relative_to(unpacked)) for p in unpacked.rglob("tests/**/*.py")}
    assert names == packed


def test_wheel_holds_the_package_and_its_models(wheel):
    with zipfile.ZipFile(wheel) as file:
        names = set(file.namelist())
        for path in (ROOT / "saved_models").glob("*.keras"):
            held = file.read(f"keras_explainer/saved_models/{path.name}")
            assert held == path.read_bytes()
    assert "keras_explainer/saved_models/NOTICE" in names
    assert "keras_explainer/photographs/cat.jpg" in names
    assert "keras_explainer/photographs/README.md" in names
    runtime = ("LICENSE", "README.md", "litert_wasm_compat_internal.wasm.gz")
    assert {f"keras_explainer/browser/litert/{name}" for name in runtime} <= names
    assert {
        "keras_explainer/browser/page.html",
        "keras_explainer/report/style.css",
    } <= (names)
    assert wheel.stat().st_size < 17e6
    tops = {name.partition("/")[0] for name in names}
    assert {re.sub(r"-.*", "", top) for top in tops} == {"keras_explainer"}
    package = ROOT / "keras_explainer"
    modules = {str(path.relative_to(ROOT)) for path in package.rglob("*.py")}
    assert modules <= names


def run_code(python, code, folder):
    path = folder / "code.py"
    path.write_text(code)
    empty = folder / "empty"
    empty.mkdir()
    run([python, "-I", path, ROOT], empty)


@pytest.mark.slow  # an environment
def test_installed_alone(python, tmp_path):
    assert "No broken" in run([python, "-m", "pip", "check"], tmp_path)
    run_code(python, BEFORE + SHIPPED, tmp_path)


@pytest.mark.thorough
def test_the_demo_runs_where_nothing_else_is(python, tmp_path):
    demo = [python.with_name("keras-explainer"), "demo", "--epochs", "1"]
    shown = run([*demo, "--steps", "1"], tmp_path)
    assert "keras-explainer explain --explainer runs/demo" in shown
    assert (tmp_path / "runs/demo/explainer.keras").is_file()


@pytest.mark.thorough
def test_the_first_block_runs_where_nothing_else_is(python, tmp_path):
    readme = (ROOT / "README.md").read_text()
    quick_start = re.search(r"^```python\n(.*?)^```$", readme, re.M | re.S)[1]
    run_code(python, BEFORE + quick_start + AFTER, tmp_path)
