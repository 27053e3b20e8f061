"""The same request by every loader that comes with TensorFlow, up to the C++ one."""

import pathlib
import subprocess
import sys

import numpy as np
import pytest
import tensorflow as tf
from exported import exported
from exported import file_of
from exported import photograph
from exported import preprocessed
from exported import raw_images
from exported import served
from exported import tiny_explainer

pytestmark = pytest.mark.slow  # many traces, or a server

HERE = pathlib.Path(__file__).parent
# Loads a SavedModel where neither this package nor Keras can be imported.
ALONE = """
import sys
sys.modules["keras_explainer"] = sys.modules["keras"] = None
import numpy as np, tensorflow as tf
path, request, answer = sys.argv[1:]
signatures = tf.saved_model.load(path).signatures
request = np.load(request, allow_pickle=True)
images, image_bytes = tf.constant(request["images"]), request["image_bytes"].tolist()
found = {}
for name, inputs in {
    "serving_default": {"images": images},
    "explain_bytes": {"image_bytes": tf.constant(image_bytes)},
    "explain_class": {"images": images, "targets": tf.constant([4, 0])},
    "classify": {"images": images},
}.items():
    for key, value in signatures[name](**inputs).items():
        found[f"{name}/{key}"] = value.numpy()
np.savez(answer, **found)
"""


@pytest.fixture(scope="module")
def live():
    """The answers of the explainer itself to the request of the tests below."""
    explainer, images = tiny_explainer(), preprocessed(raw_images())
    everything = explainer.explain(images, targets=np.ones((2, 5), int))
    # Of masks close to 1 the logits could not be told.
    logits = explainer.class_logits(images, explainer.frozen(images))
    logits = np.float64(explainer.upsampled(logits, images))
    np.testing.assert_allclose(everything.masks, 1 / (1 + np.exp(-logits)), atol=1e-5)
    grid = averaged(logits, explainer.output["coarse_masks"].shape[1])
    explanation = explainer.explain(images, top_k=3)
    masks = np.take_along_axis(grid, explanation.classes[:, None, None], axis=-1)
    return {
        "probabilities": explanation.probabilities,
        "classes": explanation.classes,
        "scores": explanation.scores,
        "masks": masks,
        "targets 4, 0": np.stack([grid[0, ..., 4], grid[1, ..., 0]]),
    }


def averaged(logits, side):
    """Reduces mask logits (N, H, W, C) to cells, and returns their masks."""
    count, size, _, classes = logits.shape
    cells = logits.reshape(count, side, size // side, side, size // side, classes)
    return 1 / (1 + np.exp(-cells.mean((2, 4))))


@pytest.fixture(scope="module")
def request_file(tmp_path_factory):
    files = np.array(
        [file_of(photograph()), file_of(photograph(40, 30), "PNG")], object
    )
    path = tmp_path_factory.mktemp("request") / "request.npz"
    np.savez(path, images=raw_images(), image_bytes=files)
    return path


def assert_same(answer, live):
    for name in ("probabilities", "classes", "scores", "masks"):
        np.testing.assert_allclose(answer[name], live[name], atol=1e-4)


def test_1_without_this_package_and_without_keras(live, request_file, tmp_path):
    answer = tmp_path / "answer.npz"
    run_python("-c", ALONE, exported(), request_file, answer, cwd=tmp_path)
    answer = dict(np.load(answer, allow_pickle=True))
    assert_same({k[16:]: v for k, v in answer.items() if "serving_default" in k}, live)
    masks = answer["explain_class/masks"]
    np.testing.assert_allclose(masks, live["targets 4, 0"], atol=1e-4)
    np.testing.assert_allclose(
        answer["classify/probabilities"], live["probabilities"], atol=1e-4
    )
    assert answer["explain_bytes/masks_png_bytes"].shape == (2, 3)


def test_2_saved_model_cli(live, tmp_path):
    np.save(tmp_path / "images.npy", raw_images())
    run_python(
        *("-m", "tensorflow.python.tools.saved_model_cli", "run"),
        *("--dir", exported(), "--tag_set", "serve"),
        *("--signature_def", "serving_default"),
        *("--inputs", f"images={tmp_path}/images.npy", "--outdir", tmp_path),
    )
    names = ("probabilities", "classes", "scores", "masks")
    assert_same({name: np.load(tmp_path / f"{name}.npy") for name in names}, live)


def test_3_session_of_tensorflow_1(live):
    assert_same(served().run("serving_default", {"images": raw_images()}), live)
    # Files of noise, as the decoded pixels are then the images themselves.
    images = raw_images().astype("uint8")
    files = [
        tf.io.encode_jpeg(i, quality=100, chroma_downsampling=False) for i in images
    ]
    decoded = [tf.io.decode_jpeg(f, dct_method="INTEGER_ACCURATE") for f in files]
    expected = served().run("serving_default", {"images": np.float32(decoded)})
    files = np.array([file.numpy() for file in files], object)
    answer = served().run("explain_bytes", {"image_bytes": files})
    assert_same(answer, expected)


needs_library = pytest.mark.skipif(
    not (pathlib.Path(tf.__file__).parent / "libtensorflow_cc.so.2").exists(),
    reason="this TensorFlow has no libtensorflow_cc.so.2",
)
FILE = file_of(photograph())
# What the C++ session is fed, of whatever shape, and what it says.
WRONG = {
    "images": ("serving_default", {"images": raw_images()[:, :16]}, "[2,16,32,3]"),
    "no file list": ("explain_bytes", {"image_bytes": np.array(FILE, object)}, "[]"),
    "table of files": (
        "explain_bytes",
        {"image_bytes": np.array([[FILE], [FILE]], object)},
        "[2 1]",
    ),
    "one target": (
        "explain_class",
        {"images": raw_images(), "targets": np.array(1, "int32")},
        "[]",
    ),
    "table of targets": (
        "explain_class",
        {"images": raw_images(), "targets": np.ones((2, 1), "int32")},
        "[2 1]",
    ),
    "long targets": (
        "explain_class",
        {"images": raw_images(), "targets": np.ones(2, "int64")},
        "int64",
    ),
}


@pytest.fixture(scope="module")
def cpp(request_file, tmp_path_factory):
    """Answers of the C++ session, all of one process."""
    folder = tmp_path_factory.mktemp("cpp")
    values = dict(np.load(request_file, allow_pickle=True))
    right = {
        "serving_default": ("serving_default", {"images": values["images"]}),
        "explain_bytes": ("explain_bytes", {"image_bytes": values["image_bytes"]}),
        "explain_and_verify": ("explain_and_verify", {"images": values["images"]}),
    }
    tensors = {}
    for name, (signature, inputs, *_) in {**right, **WRONG}.items():
        definition = served().definition(signature)
        fed = {definition.inputs[key].name: array for key, array in inputs.items()}
        tensors[name] = {key: info.name for key, info in definition.outputs.items()}
        np.savez(folder / f"{name}.npz", outputs=list(tensors[name].values()), **fed)
    libraries = pathlib.Path(tf.__file__).parent
    run_python(HERE / "cpp_session.py", libraries, exported(), folder)

    def answer(name):
        found = np.load(folder / f"{name}.answer", allow_pickle=True)
        if "error" in found:
            return str(found["error"])
        return {key: found[tensor] for key, tensor in tensors[name].items()}

    return answer


@needs_library
def test_4_cpp_loader_and_session(live, request_file, cpp):
    assert_same(cpp("serving_default"), live)
    verified = cpp("explain_and_verify")
    assert_same(verified, live)
    expected = tiny_explainer().explain(preprocessed(raw_images()), verify=True)
    for name in ("kept_scores", "removed_scores"):
        np.testing.assert_allclose(verified[name], getattr(expected, name), atol=1e-4)
    files = np.load(request_file, allow_pickle=True)["image_bytes"]
    expected = served().run("explain_bytes", {"image_bytes": files})
    answer = cpp("explain_bytes")
    assert_same(answer, expected)
    np.testing.assert_array_equal(
        answer["masks_png_bytes"], expected["masks_png_bytes"]
    )
    assert answer["class_names"].tolist() == expected["class_names"].tolist()


@needs_library
@pytest.mark.parametrize("name", WRONG)
def test_4_what_the_cpp_session_is_fed_is_checked_in_the_graph(cpp, name):
    signature, inputs, received = WRONG[name]
    message = cpp(name)
    assert received in message
    if received[0] == "[" and "images" not in name:
        key = [*inputs][-1]
        expected = f"Input `{key}` should have the shape (N,). Received: shape"
        assert f"{expected} {received}" in message
    # The session that the test servers run says the same.
    with pytest.raises(tf.errors.InvalidArgumentError) as raised:
        served().run(signature, inputs)
    assert raised.value.message.split("\n")[0] == message.split("\n")[0]


def run_python(*arguments, cwd=None):
    done = subprocess.run(
        [sys.executable, *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=120,
        cwd=cwd,
    )
    assert done.returncode == 0, done.stderr[-3000:]
