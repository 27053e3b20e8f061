"""Makes a small file of a trained explainer, to be shipped.

    python saved_models/make_small.py runs/imagenet/explainer.keras SMALL.keras

Large kernels are kept as float16 in the file, and are float32 again in the model that
Keras loads from it, of any version from 3.5 on. The others, and all vectors (biases,
batch normalization), stay float32: they are few, and answers of the classifier change
with them. The optimizer begins anew, so that its state is zeros, which are compressed
as the kernels are.
"""

import hashlib
import io
import os
import pathlib
import sys
import zipfile

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import h5py
import keras
import numpy as np

FOLDER = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(FOLDER.parent))

from make_portable import make_portable  # noqa: E402

import keras_explainer  # noqa: E402, F401

WEIGHTS = "model.weights.h5"
# Values from which on a kernel is large: no depthwise kernel of MobileNetV2 is.
LARGE = 10_000


def make_small(path, small):
    """Writes a small file of an explainer that is saved.

    Args:
        path: String or path of a `.keras` file.
        small: String or path of the file to write, `.keras` too.

    Raises:
        ValueError: If the model uses an option that needs a newer Keras than 3.5.
    """
    explainer = keras.saving.load_model(path)
    explainer.compile_from_config(explainer.get_compile_config())  # a new optimizer
    explainer.save(small)
    with zipfile.ZipFile(small) as file:
        entries = {entry: file.read(entry) for entry in file.infolist()}
    with zipfile.ZipFile(small, "w") as file:
        for entry, content in entries.items():
            is_weights = entry.filename == WEIGHTS
            file.writestr(entry, with_half_kernels(content) if is_weights else content)
    make_portable(small)


def with_half_kernels(content):
    """Returns an HDF5 file, as bytes, with the large kernels of another as float16."""
    halved = io.BytesIO()
    with h5py.File(io.BytesIO(content)) as old, h5py.File(halved, "w") as new:
        copy_attributes(old, new)

        def copy(name, item):
            if isinstance(item, h5py.Group):
                copied = new.create_group(name)
            elif item.ndim > 1 and item.size >= LARGE:
                half = item[()].astype(np.float16)
                options = {"compression": "gzip", "shuffle": True}
                copied = new.create_dataset(name, data=half, **options)
            else:
                copied = new.create_dataset(name, data=item[()])
            copy_attributes(item, copied)

        old.visititems(copy)
    return halved.getvalue()


def copy_attributes(old, new):
    for name, value in old.attrs.items():
        new.attrs[name] = value


def report(path):
    """Prints what the card of a file says of it."""
    content = pathlib.Path(path).read_bytes()
    print(f"{path}: {len(content):,} bytes")
    print(f"sha256 {hashlib.sha256(content).hexdigest()}")


if __name__ == "__main__":
    make_small(*sys.argv[1:])
    report(sys.argv[2])
