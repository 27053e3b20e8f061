"""Names of classes in every form users have them: ordered, or refused."""

import types

import numpy as np
import pytest
import tensorflow as tf

from keras_explainer.inputs.check_class_names import check_class_names
from keras_explainer.inputs.check_class_names import check_classes_of_data
from keras_explainer.inputs.check_class_names import check_same_order


@pytest.mark.parametrize(
    "names",
    [
        ["cat", "dog", "cow"],
        ("cat", "dog", "cow"),
        {"dog": 1, "cat": 0, "cow": 2},
        {1: "dog", 0: "cat", 2: "cow"},
        {np.int64(1): "dog", np.int64(0): "cat", np.int64(2): b"cow"},
        {"2": "cow", "0": "cat", "1": "dog"},
        np.array(["cat", "dog", "cow"]),
        np.array([b"cat", b"dog", b"cow"]),
        np.array(["cat", "dog", "cow"], object),
        tf.constant(["cat", "dog", "cow"]),
        ["cat\n", " dog", "cow\r\n"],
        (name for name in ("cat", "dog", "cow")),
    ],
)
def test_names_are_ordered_by_index(names):
    assert check_class_names(names, 3) == ["cat", "dog", "cow"]


def test_numbers_as_names():
    assert check_class_names(range(3), 3) == ["0", "1", "2"]
    # As Keras sorts folders with numbers for names.
    indices = {"0": 0, "1": 1, "10": 2, "2": 3}
    assert check_class_names(indices) == ["0", "1", "10", "2"]
    assert check_class_names({0: "2", 1: "0", 2: "1"}) == ["2", "0", "1"]
    assert check_class_names({"0": 0, "1": 2, "2": 1}) == ["0", "2", "1"]
    assert check_class_names({0: 1, 1: 0}) == ["1", "0"]


def test_equal_names_are_those_of_two_classes():
    assert check_class_names(["crane", "crane"], 2) == ["crane", "crane"]


def test_accents_are_written_in_one_way():
    assert check_class_names(["cafe\u0301"]) == ["caf\u00e9"]


@pytest.mark.parametrize(
    ("names", "message"),
    [
        ("cat", "should be a list of names in the order of the classes.*'cat'"),
        (b"cat", "should be a list of names"),
        ({"cat", "dog"}, "should be a list of names in the order"),
        (frozenset(["cat"]), "should be a list of names in the order"),
        (
            {1: "cat", 2: "dog"},
            "should be a dict with the indices 0 to 1, each once",
        ),
        ({0: "cat", 2: "dog"}, "should be a dict with the indices 0 to 1"),
        ({"cat": 0, "dog": 0}, "should be a dict with the indices 0 to 1"),
        ({True: "cat", False: "dog"}, "should be a dict with the indices"),
        (
            {0: 1, 1: 2, 2: 0},
            "should be a dict with the indices",
        ),  # Which side are names?
        ({"0": "1", "1": "2", "2": "0"}, "should be a dict with the indices"),
        (["cat", ""], "should hold no empty name. Received: nothing at index 1"),
        (["\n", "cat"], "should hold no empty name.*index 0"),
        (["cat", None], "should be names, each a string.*None"),
        ([0.5, "cat"], "should be names, each a string"),
        ([["cat"], ["dog"]], "should be names, each a string"),
        (np.array([["cat", "dog"]]), "should be names, each a string"),
        ({0: ["n02123045", "cat"], 1: ["n02084071", "dog"]}, "should be names, each"),
        ([b"\xff"], "should be names, each a string"),
        (5, "should be names, each a string. Received: 5"),
        (["cat", "dog", "cow"], "should hold 2 names, one for each class.*: 3"),
        ({}, "should hold 2 names.*: 0"),
    ],
)
def test_names_that_cannot_be_told(names, message):
    with pytest.raises(ValueError, match=f"Argument `classes` {message}"):
        check_class_names(names, 2, "classes")


def test_order_of_labels():
    check_same_order(["cat", "dog"], ["cat", "dog"], "It")
    check_same_order(["n02", "n01"], ["cat", "dog"], "It")  # Codes tell nothing.
    check_same_order(["crane", "crane"], ["crane", "crane"], "It")
    message = (
        "It should have the classes in the order of the explainer, dog, cat. Received: "
        "cat, dog, where cat is class 0 and not 1"
    )
    with pytest.raises(ValueError, match=message):
        check_same_order(["cat", "dog"], ["dog", "cat"], "It")
    with pytest.raises(ValueError, match="cow is class 1 and not 2"):
        check_same_order(["cat", "cow"], ["cat", "dog", "cow"], "It")


def test_data_tell_the_names_of_their_labels():
    images = np.zeros((2, 4, 4, 3), "float32")
    ds = tf.data.Dataset.from_tensor_slices(images).batch(2)
    for silent in (ds, images, None, [images]):
        check_classes_of_data(silent, ["dog", "cat"], 2, "x")
    ds.class_names = ["cat", "dog"]
    check_classes_of_data(ds, ["cat", "dog"], 2, "x")
    check_classes_of_data(ds, None, 2, "x")
    iterator = types.SimpleNamespace(class_indices={"cat": 0, "dog": 1})
    for data in (ds, iterator):
        with pytest.raises(ValueError, match="Argument `x` should have the classes in"):
            check_classes_of_data(data, ["dog", "cat"], 2, "x")
    # A row of one class would be taken for the index 1.
    ds.class_names = ["cat"]
    message = "the 3 classes of the classifier, or images .*Received: data of the one"
    for names in (None, ["cat", "dog", "cow"]):
        with pytest.raises(ValueError, match=message):
            check_classes_of_data(ds, names, 3, "x")
