"""Data whose classes have another order than the explainer's are refused."""

import numpy as np
import pytest
from conftest import tiny_classifier
from PIL import Image

import keras_explainer as kx

pytestmark = pytest.mark.usefixtures("eager")


@pytest.fixture(scope="module")
def explainer():
    return kx.ExplainerModel(tiny_classifier(2), class_names={"dog": 0, "cat": 1})


@pytest.fixture
def folder(tmp_path):
    for name in ("cat", "dog"):
        (tmp_path / name).mkdir()
        Image.new("RGB", (4, 4)).save(tmp_path / name / "a.png")
    return tmp_path


def test_a_folder_is_sorted_unless_told_otherwise(explainer, folder):
    ds = kx.datasets.image_folder(folder, image_size=32)
    message = (
        "should have the classes in the order of the explainer, dog, cat. Received: "
        "cat, dog, where cat is class 0 and not 1"
    )
    with pytest.raises(ValueError, match=f"Argument `x` {message}"):
        explainer.fit(ds, verbose=0)
    with pytest.raises(ValueError, match=f"Argument `x` {message}"):
        explainer.evaluate(ds, verbose=0)
    right = np.zeros((2, 32, 32, 3), "float32"), np.array([0, 1])
    with pytest.raises(ValueError, match=f"Argument `validation_data` {message}"):
        explainer.fit(*right, validation_data=ds, verbose=0)
    with pytest.raises(ValueError, match=f"Argument `dataset` {message}"):
        kx.evaluation.evaluate_methods(explainer, ds, ["zero"])
    ds = kx.datasets.image_folder(
        folder, image_size=32, class_names=explainer.class_names
    )
    results = kx.evaluation.evaluate_methods(explainer, ds, ["zero"], step_share=0.5)
    assert results["zero"].images == 2


def test_names_can_be_set_and_are_checked(explainer):
    assert explainer.class_names == ["dog", "cat"]
    before = explainer.class_names
    explainer.class_names = np.array([b"a", b"b"])
    assert explainer.display_names == ["a", "b"]
    with pytest.raises(ValueError, match="`class_names` should be a list of names in"):
        explainer.class_names = {"a", "b"}
    with pytest.raises(ValueError, match="should hold 2 names.*Received: 3"):
        explainer.class_names = "a b c".split()
    explainer.class_names = None
    assert explainer.display_names == ["class 0", "class 1"]
    explainer.class_names = before
