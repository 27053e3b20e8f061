"""What `train` learns from: images at the right size, labels if they are known."""

import argparse
import json
import re
import types

import numpy as np
import pytest
import tensorflow_datasets as tfds
from conftest import tiny_classifier
from PIL import Image

import keras_explainer as kx
from keras_explainer.__main__ import build_parser
from keras_explainer.command_line.argument_types import dataset_name
from keras_explainer.command_line.command_error import UsageError
from keras_explainer.datasets import COCO_CLASSES
from keras_explainer.loading.data_sources import DATA_SOURCES
from keras_explainer.loading.evaluation_data import load_evaluation_data
from keras_explainer.loading.training_data import load_training_data


def explainer(classes=2, size=32):
    classifier = tiny_classifier(classes, size=size)
    return kx.ExplainerModel(classifier, preprocess_input="mobilenet")


def load(model, dataset, *argv):
    argv = ["train", "--classifier", "x", "--out", "y", "--dataset", dataset, *argv]
    args = build_parser().parse_args([*argv, "--batch-size", "2"])
    return load_training_data(args, model)


def first(dataset):
    return next(iter(dataset))


@pytest.fixture
def photos(tmp_path):
    """Three pictures of cats and three of dogs to learn from, one each to validate."""
    for split, count in (("train", 3), ("val", 1)):
        for name, level in (("cat", 0), ("dog", 255)):
            folder = tmp_path / split / name
            folder.mkdir(parents=True)
            for number in range(count):
                image = Image.new("RGB", (50, 40), (level, level, level))
                image.save(folder / f"{number}.png")
    return tmp_path


def test_every_kind_of_dataset_that_is_named_has_a_source():
    for name in DATA_SOURCES:
        assert dataset_name(f"{name}:x" if name == "tfds" else name)
    with pytest.raises(argparse.ArgumentTypeError) as caught:
        dataset_name("x")
    told = str(caught.value).partition("Received")[0]
    assert set(DATA_SOURCES) == set(re.findall(r"\b[a-z]{3,}\b", told)) - {"should"}


def test_shapes():
    data = load(explainer(8), "shapes", "--limit", "5")
    assert data.targets == "labels" and (data.count, data.steps) == (5, 3)
    images, labels = first(data.train)
    assert images.shape == (2, 32, 32, 3) and labels.shape == (2, 8)
    assert -1 <= np.min(images) < 0 < np.max(images) <= 1
    others, _ = first(data.validation)
    assert not np.array_equal(images, others)


def test_labels_of_a_classifier_with_other_classes_are_dropped():
    data = load(explainer(5), "shapes", "--limit", "4")
    assert data.targets == (
        "the classifier's own predictions (the data has 8 classes, the classifier 5)"
    )
    assert first(data.train).shape == first(data.validation).shape == (2, 32, 32, 3)


def test_folder_with_classes_in_the_order_of_the_classifier(photos):
    model = explainer()
    data = load(model, "folder", "--data", str(photos), "--classes", "dog,cat")
    assert data.targets == "labels" and (data.count, data.steps) == (6, 3)
    images, labels = (np.concatenate(parts) for parts in zip(*data.train))
    assert sorted(labels[:, 0]) == [0, 0, 0, 1, 1, 1]
    # Dogs are white and come first.
    np.testing.assert_array_equal(labels[:, 0] == 1, images[:, 0, 0, 0] > 0)
    assert sum(len(labels) for _, labels in data.validation) == 2


def named(names):
    """What tells the classes of an explainer, without a model."""
    return types.SimpleNamespace(
        frozen=types.SimpleNamespace(num_classes=len(names), input_shape=(32, 32, 3)),
        preprocessing=types.SimpleNamespace(name="identity"),
        class_names=names,
        display_names=names,
    )


def test_labels_in_another_order_than_the_names_of_the_explainer(photos):
    argv = ("folder", "--data", str(photos), "--classes", "dog,cat")
    message = (
        "--classes should have the classes in the order of the explainer, cat, dog. "
        "Received: dog, cat, where dog is class 0 and not 1"
    )
    with pytest.raises(UsageError, match=message):
        load(named(["cat", "dog"]), *argv)
    for names in (["dog", "cat"], ["n02084071", "n02123045"], None):
        model = named(names or ["a", "b"])
        model.class_names = names
        assert load(model, *argv).targets == "labels"


def measure(model, dataset, *argv):
    argv = ["evaluate", "--explainer", "x", "--out", "y", "--dataset", dataset, *argv]
    return load_evaluation_data(build_parser().parse_args(argv), model)


def test_evaluation_takes_the_classes_in_the_order_of_the_explainer(photos):
    argv = ("folder", "--data", str(photos / "train"))
    data = measure(named(["dog", "cat"]), *argv)
    images, labels = next(iter(data.dataset))
    # Dogs are white and come first, since the explainer has them first.
    np.testing.assert_array_equal(labels[:, 0] == 1, images[:, 0, 0, 0] > 0)
    assert data.class_names == ["dog", "cat"]
    with pytest.raises(UsageError, match="order of the explainer, dog, cat. Received"):
        measure(named(["dog", "cat"]), *argv, "--classes", "cat,dog")
    unknown = measure(named(["tench", "crane"]), *argv)
    assert "own predictions" in unknown.targets


def test_drawn_shapes_are_not_taken_for_other_classes():
    others = named([f"kind {i}" for i in range(8)])
    for read in (measure, load):
        with pytest.raises(
            UsageError, match="--classes should say which class of shap"
        ):
            read(others, "shapes", "--limit", "2")


def test_folder_without_classes_gives_images_alone(photos):
    data = load(explainer(), "folder", "--data", str(photos))
    assert "give --classes in the classifier's order" in data.targets
    assert first(data.train).shape == (2, 32, 32, 3)


def test_folder_without_splits(photos):
    data = load(explainer(), "folder", "--data", str(photos / "train"))
    assert data.count == 6 and data.validation is None
    data = load(explainer(), "folder", "--data", str(photos / "val" / "cat"))
    assert data.count == 1 and first(data.train).shape == (1, 32, 32, 3)


def test_folder_with_a_wrong_split_or_class(photos):
    model, data = explainer(), ("--data", str(photos))
    with pytest.raises(UsageError, match="--split should be a subfolder .* nowhere"):
        load(model, "folder", *data, "--split", "nowhere")
    with pytest.raises(UsageError, match="--validation-split should be a subfolder"):
        load(model, "folder", *data, "--validation-split", "nowhere")
    with pytest.raises(ValueError, match="Argument `classes` should be subfolders"):
        load(model, "folder", *data, "--classes", "cat,cow")


def test_a_class_that_is_called_train(tmp_path):
    for name in ("bus", "train"):
        (tmp_path / name).mkdir()
        Image.new("RGB", (50, 40)).save(tmp_path / name / "a.png")
    data = ("--data", str(tmp_path))
    with pytest.raises(UsageError, match="--split should say whether train.* bus besi"):
        load(explainer(), "folder", *data)
    assert load(explainer(), "folder", *data, "--split", "train").count == 1
    found = load(explainer(), "folder", *data, "--split", ".", "--classes", "bus,train")
    assert found.targets == "labels" and found.count == 2


@pytest.mark.slow
def test_voc(tmp_path):
    root = tmp_path / "VOC2012"
    for folder in ("JPEGImages", "SegmentationClass", "ImageSets/Segmentation"):
        (root / folder).mkdir(parents=True)
    mask = np.zeros((40, 50), "uint8")
    mask[10:30, 10:30] = 8  # cat
    for name, split in (("a", "train"), ("b", "val")):
        Image.new("RGB", (50, 40), "red").save(root / "JPEGImages" / f"{name}.jpg")
        Image.fromarray(mask).save(root / "SegmentationClass" / f"{name}.png")
        (root / "ImageSets" / "Segmentation" / f"{split}.txt").write_text(name)
    data = load(explainer(), "voc", "--data", str(tmp_path), "--classes", "dog,cat")
    assert data.targets == "labels" and data.count == 1
    np.testing.assert_array_equal(first(data.train)[1], [[0, 1]])
    data = load(explainer(), "voc", "--data", str(tmp_path))
    assert "the data has 20 classes, the classifier 2" in data.targets
    assert first(data.validation).shape == (1, 32, 32, 3)
    found = measure(explainer(), "voc", "--data", str(tmp_path), "--classes", "dog,cat")
    assert found.class_names == ["dog", "cat"]
    assert found.count == sum(len(batch[0]) for batch in found.dataset) > 0
    assert first(found.dataset)[2].shape[1:] == (32, 32)


def test_image_size_of_a_classifier_that_leaves_it_open(photos):
    model, data = explainer(size=None), ("--data", str(photos))
    sized = load(model, "folder", *data, "--image-size", "48")
    assert first(sized.train).shape == (2, 48, 48, 3)
    assert first(load(model, "folder", *data).train).shape == (2, 224, 224, 3)
    with pytest.raises(UsageError, match="takes 32x32 pixels. Received: 48"):
        load(explainer(), "folder", *data, "--image-size", "48")


def test_classifier_that_rescales_inside_gets_raw_pixels(photos):
    model = types.SimpleNamespace(
        frozen=types.SimpleNamespace(num_classes=2, input_shape=(32, 32, 3)),
        preprocessing=types.SimpleNamespace(name="identity"),
    )
    images = first(load(model, "folder", "--data", str(photos / "val" / "dog")).train)
    assert np.min(images) == 255


@pytest.mark.slow
def test_coco(tmp_path):
    names = dict(enumerate(COCO_CLASSES, start=1))
    content = {
        "images": [
            {"id": i, "file_name": f"{i}.jpg", "height": 40, "width": 50}
            for i in range(5)
        ],
        "annotations": [],
        "categories": [{"id": i, "name": name} for i, name in names.items()],
    }
    (tmp_path / "annotations").mkdir()
    file = tmp_path / "annotations" / "instances_train2017.json"
    file.write_text(json.dumps(content))
    (tmp_path / "train2017").mkdir()
    for i in range(5):
        Image.new("RGB", (50, 40), "red").save(tmp_path / "train2017" / f"{i}.jpg")
    data = load(explainer(80), "coco", "--data", str(tmp_path), "--limit", "4")
    assert data.targets == "labels" and (data.count, data.steps) == (4, 2)
    images, labels = first(data.train)
    assert images.shape == (2, 32, 32, 3) and labels.shape == (2, 80)
    assert data.validation is None
    data = load(explainer(), "coco", "--data", str(tmp_path), "--classes", "dog,cat")
    assert data.targets == "labels" and first(data.train)[1].shape == (2, 2)
    wanted = ("--split", "train", "--classes", "dog,cat", "--limit", "4")
    found = measure(explainer(), "coco", "--data", str(tmp_path), *wanted)
    assert found.class_names == ["dog", "cat"] and found.count == 4
    assert [part.shape[1:] for part in first(found.dataset)] == [
        (32, 32, 3),
        (2,),
        (32, 32),
    ]


@pytest.mark.slow
def test_tfds(tmp_path):
    """Written as TensorFlow Datasets does, and read without a download."""
    data = ("--data", str(tmp_path))
    tfds.testing.DummyMnist(data_dir=tmp_path).download_and_prepare()
    found = load(explainer(10), "tfds:dummy_mnist", *data, "--split", "train[:5]")
    assert found.targets == "labels" and (found.count, found.steps) == (5, 3)
    images, labels = first(found.train)
    assert images.shape == (2, 32, 32, 3) and labels.shape == (2, 10)
    assert sum(len(images) for images, _ in found.validation) == 20
    found = measure(explainer(10), "tfds:dummy_mnist", *data, "--limit", "7")
    assert found.class_names == [str(digit) for digit in range(10)]
    assert found.count == 7 and sum(len(batch[0]) for batch in found.dataset) == 7
    for run in (load, measure):
        with pytest.raises(UsageError, match="should be a data .* tfds:no_such"):
            run(explainer(10), "tfds:no_such", *data)
