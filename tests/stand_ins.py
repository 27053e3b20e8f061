"""What the Python blocks of the README and the documentation need and is not here."""

import contextlib
import pathlib
import re

import keras
import numpy as np
import tensorflow as tf
import tensorflow_datasets as tfds
import token_classifiers
from conftest import random_images
from conftest import tiny_classifier
from markdown_code import blocks
from PIL import Image

import keras_explainer as kx

ROOT = pathlib.Path(__file__).parents[1]
NUMBER = re.compile(r"\d[\d.]*")


def usual_names():
    """Returns what a block may use without saying where it comes from."""
    images, labels = small_data(size=64)
    classifier = tiny_classifier(size=64)
    return {
        "kx": kx,
        "keras": keras,
        "classifier": classifier,
        "transformer": token_classifiers.transformer("mean", size=(64, 64)),
        "explainer": kx.ExplainerModel(classifier),
        "images": images,
        "labels": labels,
        "pictures": (127.5 * (images + 1)).astype("uint8"),
        "dataset": tfds_batches(images, labels),
    }


def small_data(count=4, size=32, classes=3):
    return random_images(count, size), np.eye(classes, dtype="float32")[
        np.arange(count) % classes
    ]


def classifier_of_pixels():
    """A tiny classifier that takes RGB 0..255, as some of the applications do."""
    rescaling = keras.layers.Rescaling(1 / 127.5, -1)
    return keras.Sequential([keras.Input((32, 32, 3)), rescaling, tiny_classifier()])


def write_photograph(path):
    path.parent.mkdir(parents=True, exist_ok=True)
    levels = np.random.default_rng(0).integers(0, 256, (6, 9, 3), "uint8")
    Image.fromarray(levels.repeat(10, 0).repeat(10, 1)).save(path)


@contextlib.contextmanager
def first_look(monkeypatch):
    """A tiny classifier instead of ImageNet's weights, and four images."""
    monkeypatch.setattr(keras.applications, "MobileNetV2", classifier_of_pixels)
    images, labels = small_data()
    names = {"dataset": tfds_batches(images, labels), "images": images}
    yield names
    assert names["explanation"].masks.shape == (4, 32, 32, 3)
    assert pathlib.Path("explainer.keras").is_file()
    assert pathlib.Path("saved_models/mine/1/saved_model.pb").is_file()


@contextlib.contextmanager
def proven_masks(monkeypatch):
    """Nothing but the shipped explainer, whose verdict is printed below the block."""
    names = {"kx": kx, "keras": keras}
    yield names
    page = (ROOT / "docs" / "concepts.md").read_text()
    (told,) = [code for _, code in blocks(page) if "answers are kept" in code]
    found = names["explanation"].verdict()
    assert NUMBER.split(found) == NUMBER.split(" ".join(told.split()))
    expected = [float(number) for number in NUMBER.findall(told)]
    # Machines round differently, and answers at a half may be counted or not.
    numbers = [float(number) for number in NUMBER.findall(found)]
    np.testing.assert_allclose(numbers, expected, rtol=0.03, atol=0.02)


@contextlib.contextmanager
def your_own_classifier(monkeypatch):
    """A saved classifier with a linear head, and two photographs in a folder."""
    classifier = tiny_classifier(activation=None, size=224)
    classifier.save("inspection.keras")
    write_photograph(pathlib.Path("photographs/first.jpg"))
    write_photograph(pathlib.Path("photographs/second.jpg"))
    names = {"kx": kx, "keras": keras}
    yield names
    assert len(names["explainer"].history.history["loss"]) == 5


@contextlib.contextmanager
def quality_while_training(monkeypatch):
    """An explainer of a tiny classifier, and true masks of four images."""
    images, labels = small_data()
    masks = np.zeros(images.shape[:3], bool)
    masks[:, 8:24, 8:24] = True
    names = {"kx": kx, "keras": keras, "dataset": tfds_batches(images, labels)}
    explainer = kx.ExplainerModel(classifier_of_pixels())
    names.update(explainer=explainer, images=images, labels=labels, masks=masks)
    yield names
    assert {"val_iou", "val_trimap_iou"} <= set(explainer.history.history)
    assert pathlib.Path("best.keras").is_file()


@contextlib.contextmanager
def data_of_the_papers(monkeypatch):
    """Small trees in the official formats; TensorFlow Datasets makes up the rest."""
    monkeypatch.syspath_prepend(ROOT / "tests" / "datasets")
    from coco_tree import write_tree
    from test_tfds_builders import write_voc

    lists = {"Segmentation/test": ["first", "second"]}
    write_voc(pathlib.Path("VOCdevkit/VOC2007"), lists)
    write_tree(pathlib.Path("coco"), "val2014", count=4)
    names = {"kx": kx}
    with tfds.testing.mock_data(num_examples=4):
        yield names
        # Made-up masks have other sizes than their images, and are not read.
        assert len(names["pets"].class_names) == 37
        assert len(names["part"].class_names) == 20
        for name, classes in {"voc": 20, "coco": 80}.items():
            images, labels, masks = next(iter(names[name]))
            assert images.shape[1:] == (224, 224, 3)
            assert labels.shape[1:] == (classes,)
            assert masks.shape == images.shape[:3]


@contextlib.contextmanager
def siblings(monkeypatch):
    """A tiny classifier with four images."""
    batches = tfds_batches(*small_data(size=64))
    names = {"kx": kx, "classifier": tiny_classifier(size=64)}
    names.update(dataset=batches, validation=batches)
    yield names
    measured = names["cells"].evaluate(names["validation"], return_dict=True, verbose=0)
    assert {"hard_accuracy", "base_accuracy", "cell_share"} <= set(measured)


@contextlib.contextmanager
def serving(monkeypatch):
    """TensorFlow Serving's rules on a free port, once the version is exported."""
    monkeypatch.syspath_prepend(ROOT / "tests" / "serving")
    from rest_server import RestServer
    from served_model import ServedModel

    write_photograph(pathlib.Path("photo.jpg"))
    names = {"kx": kx, "explainer": kx.ExplainerModel(classifier_of_pixels())}
    with contextlib.ExitStack() as stack:
        connect = kx.serving.Client

        def client(url):
            model = ServedModel("saved_models/pets/1", "pets")
            server = stack.enter_context(RestServer([model]))
            return connect(url.replace("http://localhost:8501", server.address))

        monkeypatch.setattr(kx.serving, "Client", client)
        yield names
    assert names["explanation"].masks.shape == (1, 60, 90, 3)


# The first line of a block: its stand-ins.
STAND_INS = {
    "import keras, keras_explainer as kx": first_look,
    'explainer = keras.saving.load_model(kx.shipped_model("shapes_explainer"))': (
        proven_masks
    ),
    'explainer.export("saved_models/pets/1", top_k=3)': serving,
    'classifier = keras.saving.load_model("inspection.keras")': your_own_classifier,
    "explainer.compile(metrics=[kx.metrics.TrimapIoU()])": quality_while_training,
    "masks = kx.DiscreteMaskExplainer(classifier)": siblings,
    'voc = kx.datasets.voc("VOCdevkit", "Segmentation/test", year=2007, masks=True)': (
        data_of_the_papers
    ),
}


def tfds_batches(images, labels):
    return tf.data.Dataset.from_tensor_slices((images, labels)).batch(4)
