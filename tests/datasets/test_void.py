"""Where the truth is unknown it is void, in every loader, and no metric counts it."""

import io

import coco_tree
import numpy as np
import pytest
from PIL import Image
from test_voc import write
from test_voc import write_split

from keras_explainer.datasets import VOC_CLASSES
from keras_explainer.datasets import coco
from keras_explainer.datasets import voc
from keras_explainer.datasets.from_tfds import ExampleReader
from keras_explainer.datasets.from_tfds import fill_boxes
from keras_explainer.evaluation import overlap_by_threshold
from keras_explainer.evaluation.mask_scores import mask_scores
from keras_explainer.evaluation.protocol import PROTOCOLS

CAT, DOG = VOC_CLASSES.index("cat") + 1, VOC_CLASSES.index("dog") + 1
# A cat with an outline of unknown pixels; and a dog beside it.
ONE = np.array(
    [[0, 255, 255, 0], [0, CAT, CAT, 255], [0, CAT, CAT, 255], [0, 0, 0, 0]], "uint8"
)
TWO = np.where(ONE == 0, DOG, ONE).astype("uint8")
PICTURE = np.zeros((4, 4, 3), "uint8")


def file_of(array):
    file = io.BytesIO()
    Image.fromarray(array).save(file, "PNG")
    return file.getvalue()


@pytest.mark.parametrize(("mask", "labels"), [(ONE, ["cat"]), (TWO, ["cat", "dog"])])
def test_void_of_voc(tmp_path, mask, labels):
    write(tmp_path / "VOC2012", "a", PICTURE, mask, labels)
    write_split(tmp_path / "VOC2012", "val", ["a"])
    options = {"image_size": 4, "masks": True, "batch_size": None}
    _, row, found = next(voc(tmp_path, "val", **options).as_numpy_iterator())
    np.testing.assert_array_equal(found, mask)
    assert row.sum() == len(labels)
    # Of a class that is not asked for, what is left is the unknown.
    _, _, found = next(
        voc(tmp_path, "val", classes=["cow"], **options).as_numpy_iterator()
    )
    np.testing.assert_array_equal(found, np.where(mask == 255, 255, 0))


@pytest.mark.parametrize("name", ["voc_masks", "coco_masks"])
@pytest.mark.parametrize(
    ("mask", "labels"),
    [
        (ONE, [CAT - 1]),
        (TWO, [CAT - 1, DOG - 1]),
        (np.full((4, 4), 255, "uint8"), [CAT - 1]),  # No mask at all.
        (np.where(ONE == CAT, 255, ONE), [CAT - 1]),  # A crowd and nothing else.
    ],
)
def test_void_of_the_masks_of_this_package(name, mask, labels):
    reader = ExampleReader(name, 80, (4, 4), "squash")
    _, row, found = reader(file_of(PICTURE), labels, file_of(mask))
    np.testing.assert_array_equal(found, mask)
    np.testing.assert_array_equal(np.flatnonzero(row), labels)


def test_values_of_no_known_class_are_no_object():
    mask = np.where(ONE == CAT, 77, ONE)
    reader = ExampleReader("voc_masks", 20, (4, 4), "squash")
    _, _, found = reader(file_of(PICTURE), [CAT - 1], file_of(mask))
    np.testing.assert_array_equal(found, np.where(ONE == CAT, 0, ONE))


def test_black_and_white_masks_of_others_are_of_their_one_label():
    reader = ExampleReader("my_data", 3, (4, 4), "squash")
    mask = np.where(ONE == CAT, 255, 0).astype("uint8")
    _, _, found = reader(file_of(PICTURE), [2], file_of(mask))
    np.testing.assert_array_equal(found, np.where(ONE == CAT, 3, 0))


@pytest.mark.filterwarnings("ignore:coco")
@pytest.mark.parametrize("others", [(), (17,)])
def test_crowds_of_coco(tmp_path, others):
    height, width = 4, 6
    coco_tree.write_image(tmp_path / "val2017" / "1.jpg", np.zeros((4, 6, 3), "uint8"))
    left = {"size": [height, width], "counts": [0, 12, 12]}
    right = {"size": [height, width], "counts": [12, 12]}
    # The crowd of a class that is not asked for takes nothing from one that is.
    kinds = [(1, left, 1), (3, left, 1), *((c, right, 0) for c in others)]
    annotations = [
        {
            "id": number,
            "image_id": 1,
            "category_id": category,
            "segmentation": outline,
            "iscrowd": is_crowd,
        }
        for number, (category, outline, is_crowd) in enumerate(kinds)
    ]
    images = [coco_tree.entry(1, "1.jpg", height, width)]
    coco_tree.write_instances(tmp_path, "val2017", images, annotations)
    options = {"image_size": (4, 6), "masks": True, "batch_size": None}
    ds = coco(tmp_path, "val", classes=["person", "cat"], **options)
    _, row, found = next(ds.as_numpy_iterator())
    np.testing.assert_array_equal(row, [1, len(others)])
    expected = np.full((4, 6), 2 * len(others))
    expected[:, :3] = 255
    np.testing.assert_array_equal(found, expected)


def test_boxes_of_crowds():
    boxes = np.array([[0, 0, 1, 0.5], [0, 0.25, 0.5, 0.75], [0, 0, 1, 1]])
    for classes in ([4], [4, 4, 4]):
        mask = fill_boxes(boxes, np.array(classes), (4, 4), [True, False, True])
        expected = np.full((4, 4), 255)
        expected[:2, 1:3] = 5
        np.testing.assert_array_equal(mask, expected)


def test_boxes_have_the_classes_of_their_objects():
    """The labels of an image are sorted, each once; its boxes are as they come."""
    boxes = np.array([[0, 0, 1, 0.5], [0, 0.5, 0.5, 1], [0.5, 0.5, 1, 1]])
    reader = ExampleReader("voc", 20, (4, 4), "squash", ["label"])
    picture = file_of(PICTURE)
    _, row, found = reader(picture, [3, 19], boxes, np.array([19, 3, 19]))
    np.testing.assert_array_equal(found[0], [20, 20, 4, 4])
    np.testing.assert_array_equal(found[3], [20, 20, 20, 20])
    np.testing.assert_array_equal(np.flatnonzero(row), [3, 19])
    with pytest.raises(ValueError, match="a class each. Received: 3 boxes and 2 lab"):
        ExampleReader("other", 20, (4, 4), "squash")(picture, [3, 19], boxes)


def test_no_metric_counts_the_unknown():
    truth = PROTOCOLS["default"].object_masks(ONE[None], np.array([CAT - 1]))
    right = (ONE == CAT).astype("float32")[None]
    wrong_where_unknown = np.where(ONE == 255, 1 - right, right)
    for name, values in mask_scores(truth, right).items():
        other = mask_scores(truth, wrong_where_unknown)[name]
        np.testing.assert_array_equal(values, other, err_msg=name)
    assert mask_scores(truth, wrong_where_unknown)["iou"][0] == 1
    # Where all is unknown there is nothing to be right or wrong about.
    unknown = PROTOCOLS["default"].object_masks(
        np.full((1, 4, 4), 255, "uint8"), np.array([CAT - 1])
    )
    for name, values in mask_scores(unknown, right).items():
        assert np.isnan(values).all(), name
    elements = [
        (PICTURE[None], None, ONE[None]),
        (PICTURE[None], None, np.full((1, 4, 4), 255, "uint8")),
    ]
    found = overlap_by_threshold(lambda *_: wrong_where_unknown, elements, 20)
    assert found["images"] == 1 and found["best_iou"] == found["accuracy_at_half"] == 1
