"""Writes examples/*.ipynb out of docs/notebooks/*.md, and runs them.

python docs/notebooks.py [NAME...]

A ```python block becomes a cell of code, the text between blocks a cell of text.
"""

import base64
import io
import os
import pathlib
import re
import sys
import tempfile
import time

import nbformat
from nbclient import NotebookClient
from nbformat import v4
from PIL import Image

ROOT = pathlib.Path(__file__).parents[1]
SOURCES = sorted((ROOT / "docs" / "notebooks").glob("*.md"))
PROJECT = "keras-explainer/keras-explainer"
BADGE = (
    "[![Open in Colab](https://colab.research.google.com/assets/colab-badge.svg)]"
    f"(https://colab.research.google.com/github/{PROJECT}/blob/main/examples/"
    "{name}.ipynb)\n\n"
)
REPOSITORY = f"https://github.com/{PROJECT}"
INSTALL = f"""\
# Colab: fetch the project. Elsewhere: `pip install . tenacity` in its folder, once.
# Tried with Python 3.12, TensorFlow 2.19 and Keras 3.10, as Colab has them, and with
# Python 3.11, TensorFlow 2.21 and Keras 3.15.
import os
import sys

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
if "google.colab" in sys.modules:
    !git clone --quiet --depth 1 {REPOSITORY}
    %cd keras-explainer
    %pip install --quiet . tenacity
elif not os.path.isdir("saved_models"):
    %cd .."""
WIDTH, QUALITY = 1000, 82  # of the pictures that are kept


def build(source):
    """Returns the notebook of a source file, not run yet."""
    parts = re.split(r"^```python\n(.*?)\n```$", source.read_text(), flags=re.M | re.S)
    title, *rest = (part.strip("\n") for part in parts)
    cells = [
        v4.new_markdown_cell(BADGE.format(name=source.stem) + title),
        v4.new_code_cell(INSTALL),
    ]
    for is_text, part in zip((False, True) * len(rest), rest):
        if part:
            cell = v4.new_markdown_cell if is_text else v4.new_code_cell
            cells.append(cell(part))
    for number, cell in enumerate(cells):
        cell["id"] = f"cell-{number}"
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    metadata = {"kernelspec": kernel, "colab": {"provenance": []}, "accelerator": "GPU"}
    return v4.new_notebook(cells=cells, metadata=metadata)


def run(notebook):
    """Runs a notebook from top to bottom, in a folder of its own; an error stops it."""
    with tempfile.TemporaryDirectory() as folder:
        for name in ("saved_models", "examples", "tests"):
            pathlib.Path(folder, name).symlink_to(ROOT / name)
        _execute(notebook, folder, {"PYTHONPATH": str(ROOT)})


def run_as_on_colab(notebook):
    """Runs a notebook in an empty folder, with what its first cell fetches.

    The cell finds itself on Colab, and clones the last commit of this checkout instead
    of the published project; pip installs it as there, into the Python that runs this.
    """
    hosted = v4.new_code_cell(
        "import sys\nimport types\n\n"
        'sys.modules["google.colab"] = types.ModuleType("google.colab")'
    )
    install = notebook.cells[1]
    assert install.source.count(REPOSITORY) == 1
    install.source = install.source.replace(
        REPOSITORY, f"file://{ROOT} keras-explainer"
    )
    notebook.cells.insert(1, hosted)
    with tempfile.TemporaryDirectory() as folder:
        _execute(notebook, folder, {"PYTHONPATH": ""})


def _execute(notebook, folder, environment):
    client = NotebookClient(
        notebook,
        timeout=1200,
        kernel_name="python3",
        record_timing=False,
        resources={"metadata": {"path": folder}},
    )
    client.execute(env={**os.environ, **environment})


def tidy(notebook):
    """Makes pictures JPEG of no more than `WIDTH`; drops what libraries log."""
    for cell in notebook.cells:
        outputs = cell.get("outputs", [])
        outputs[:] = [o for o in outputs if o.get("name") != "stderr"]
        for output in outputs:
            png = output.get("data", {}).pop("image/png", None)
            if png is None:
                continue
            picture = Image.open(io.BytesIO(base64.b64decode(png))).convert("RGB")
            picture.thumbnail((WIDTH, 10_000), Image.Resampling.LANCZOS)
            file = io.BytesIO()
            picture.save(file, "JPEG", quality=QUALITY, optimize=True)
            output["data"]["image/jpeg"] = base64.b64encode(file.getvalue()).decode()


def main(names):
    for source in SOURCES:
        if names and source.stem not in names:
            continue
        start, notebook = time.time(), build(source)
        run(notebook)
        tidy(notebook)
        path = ROOT / "examples" / f"{source.stem}.ipynb"
        nbformat.write(notebook, path)
        seconds, size = time.time() - start, path.stat().st_size
        print(f"{path.name}: {seconds:.0f} s, {size / 1e3:.0f} kB", flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
