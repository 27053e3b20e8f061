import json
import warnings

import coco_tree
import numpy as np
import pytest
from PIL import Image

from keras_explainer.datasets import COCO_CLASSES
from keras_explainer.datasets import coco
from keras_explainer.datasets.coco import COCO_CATEGORIES
from keras_explainer.datasets.coco_segmentation import decompress
from keras_explainer.datasets.coco_segmentation import object_mask
from keras_explainer.datasets.coco_segmentation import polygon_mask

SIZE = coco_tree.HEIGHT, coco_tree.WIDTH
QUIET = pytest.mark.filterwarnings("ignore:coco. ")
SQUARE = [[8.0, 8.0, 24.0, 8.0, 24.0, 24.0, 8.0, 24.0]]


@pytest.fixture
def tree(tmp_path):
    return tmp_path, coco_tree.write_tree(tmp_path)


def small_tree(root, annotations, images=None, **options):
    """Two flat images with ids 1 and 2, and the annotations given."""
    for number in (1, 2):
        picture = np.full((*SIZE, 3), 100 * number, "uint8")
        coco_tree.write_image(root / "val2017" / f"{number}.jpg", picture)
    images = images or [coco_tree.entry(n, f"{n}.jpg") for n in (1, 2)]
    coco_tree.write_instances(root, "val2017", images, annotations, **options)
    return root


def annotation(number, image=1, category=1, outline=SQUARE, crowd=0):
    return {
        "id": number,
        "image_id": image,
        "category_id": category,
        "segmentation": outline,
        "iscrowd": crowd,
    }


def arrays(ds):
    return [np.concatenate(parts) for parts in zip(*ds.as_numpy_iterator())]


def caught(call):
    with warnings.catch_warnings(record=True) as found:
        warnings.simplefilter("always")
        result = call()
    return result, [str(warning.message) for warning in found]


def test_coco_classes_are_the_official_eighty():
    assert len(COCO_CLASSES) == len(set(COCO_CLASSES)) == 80
    assert (COCO_CATEGORIES[1], COCO_CATEGORIES[90]) == ("person", "toothbrush")
    assert set(range(1, 91)) - set(COCO_CATEGORIES) == {
        *(12, 26, 29, 30, 45, 66, 68, 69, 71, 83)
    }


@QUIET
def test_masks_are_those_of_pycocotools(tree):
    from pycocotools.coco import COCO

    root, content = tree
    ds = coco(root, image_size=SIZE, masks=True, shuffle=False)
    _, labels, masks = arrays(ds)
    reference = COCO(root / "annotations" / "instances_train2014.json")
    assert len(masks) == 20 and len(content["annotations"]) > 40
    seen = set()
    for image, row, mask in zip(content["images"], labels, masks, strict=True):
        annotations = reference.imgToAnns[image["id"]]
        expected = np.zeros(SIZE, "uint8")
        objects = []
        for a in annotations:
            inside = reference.annToMask(a).astype(bool)
            if a["iscrowd"]:
                expected[inside] = 255
            else:
                objects.append((inside.sum(), inside, a["category_id"]))
        for _, inside, number in sorted(objects, key=lambda o: -o[0]):
            expected[inside] = list(COCO_CATEGORIES).index(number) + 1
        np.testing.assert_array_equal(mask, expected)
        present = {a["category_id"] for a in annotations}
        ids = {ds.category_ids[index] for index in np.flatnonzero(row)}
        assert ids == present
        seen |= set(np.unique(mask))
    assert {0, 255} < seen
    assert ds.category_ids == list(COCO_CATEGORIES)
    assert ds.class_names == COCO_CLASSES


def test_polygons_are_those_of_pycocotools():
    from pycocotools import mask

    rng = np.random.default_rng(0)
    for number in range(400):
        height, width = rng.integers(1, 60, 2).tolist()
        points = rng.uniform(-0.3, 1.3, (rng.integers(3, 12), 2)) * (width, height)
        points = [points, np.round(points), points.repeat(2, 0)][number % 3]
        polygon = points.ravel().tolist()
        code = mask.frPyObjects([polygon], height, width)[0]
        expected = mask.decode(code)
        np.testing.assert_array_equal(polygon_mask(polygon, height, width), expected)
        np.testing.assert_array_equal(
            object_mask({"counts": code["counts"].decode()}, height, width), expected
        )


def test_run_lengths_go_down_the_columns():
    counts = [1, 2, 3]
    np.testing.assert_array_equal(
        object_mask({"counts": counts}, 3, 2), [[0, 0], [1, 0], [1, 0]]
    )
    assert decompress("123") == counts
    assert decompress("12312") == [1, 2, 3, 3, 5]
    with pytest.raises(ValueError, match="do not sum to 2 x 2 pixels"):
        object_mask({"counts": counts}, 2, 2)


def test_square_polygon():
    expected = np.zeros((6, 6))
    expected[1:3, 2:5] = 1
    polygon = [2, 1, 5, 1, 5, 3, 2, 3]
    np.testing.assert_array_equal(polygon_mask(polygon, 6, 6), expected)


@QUIET
def test_smaller_objects_lie_on_top_and_crowds_below(tmp_path):
    everything = [[0, 0, 64, 0, 64, 48, 0, 48]]
    half = {"size": list(SIZE), "counts": [0, 48 * 32, 48 * 32]}
    small_tree(
        tmp_path,
        [
            annotation(1, category=3),  # a square
            annotation(2, category=2, outline=half, crowd=1),
            annotation(3, image=2, category=3),
            annotation(4, image=2, category=17, outline=everything),
        ],
    )
    options = {"image_size": SIZE, "masks": True, "batch_size": None}
    (_, labels, first), (_, _, second) = coco(
        tmp_path, "val", classes=["cat", "car", "bicycle"], **options
    ).as_numpy_iterator()
    expected = np.zeros(SIZE)
    expected[:, :32] = 255
    expected[8:24, 8:24] = 2
    np.testing.assert_array_equal(first, expected)
    np.testing.assert_array_equal(labels, [0, 1, 1])
    expected = np.ones(SIZE)
    expected[8:24, 8:24] = 2
    np.testing.assert_array_equal(second, expected)
    # Of a class that is not asked for, neither an object nor a crowd is left.
    _, labels, first = next(
        coco(tmp_path, "val", classes=["cat"], **options).as_numpy_iterator()
    )
    assert not first.any() and not labels.any()


@QUIET
def test_image_without_annotations_has_no_label(tree):
    root, _ = tree
    _, labels, masks = arrays(coco(root, masks=True, shuffle=False, limit=1))
    assert labels.shape == (1, 80) and not labels.any() and not masks.any()


@QUIET
def test_images_are_those_of_the_files(tree):
    root, content = tree
    images, _ = next(
        coco(root, image_size=SIZE, shuffle=False, batch_size=20).as_numpy_iterator()
    )
    for image, entry in zip(images, content["images"], strict=True):
        path = root / "train2014" / entry["file_name"]
        np.testing.assert_array_equal(image, np.asarray(Image.open(path)))


@QUIET
def test_shards_are_everything_once(tree):
    root, _ = tree
    options = {"image_size": SIZE, "shuffle": False}
    whole, _ = arrays(coco(root, **options))
    parts = [arrays(coco(root, shard=(i, 3), **options))[0] for i in range(3)]
    assert [len(part) for part in parts] == [7, 7, 6]
    for index, part in enumerate(parts):
        np.testing.assert_array_equal(part, whole[index::3])
    with pytest.raises(ValueError, match="`shard` should be.*Received: shard=.3, 3."):
        coco(root, shard=(3, 3))


def test_what_is_wrong_in_annotations_is_counted_once(tmp_path):
    small_tree(
        tmp_path,
        [
            annotation(1),
            annotation(1, category=5),
            annotation(2, image=7),
            annotation(3, image=8),
            annotation(4, category=12),
            annotation(5, category=3, outline=[[1, 1, 9, 9], *SQUARE]),
            annotation(6, category=4, outline=[[1, 1, 9, 9]]),
            annotation(7, category=2, outline={"size": [9, 9], "counts": [81]}),
        ],
        [coco_tree.entry(n, f"{n}.jpg") for n in (1, 2, 1)],
    )
    ds, messages = caught(lambda: coco(tmp_path, "val", masks=True, image_size=SIZE))
    assert messages == [
        "coco: 1 images whose id was there before, such as id 1",
        "coco: 1 annotations of an id seen before, such as id 1",
        "coco: 2 annotations of images that are not listed, such as annotation 2",
        "coco: 1 annotations of no known class, such as annotation 4",
        "coco: 2 annotations with polygons of fewer than three points, such as "
        "annotation 5",
        "coco: 1 outlines of another size than the image, such as annotation 7",
        "coco: 1 images without annotations, such as 2.jpg",
    ]
    (_, labels, masks), messages = caught(lambda: arrays(ds))
    assert not messages
    assert list(np.flatnonzero(labels[0])) == [0, 1, 2, 3] and not labels[1].any()
    square = np.zeros(SIZE, bool)
    square[8:24, 8:24] = True
    np.testing.assert_array_equal(masks[0] > 0, square)


def test_bad_files_are_named_once_and_left_out(tmp_path):
    bad_code = {"size": list(SIZE), "counts": [1, 2]}
    images = [coco_tree.entry(n, f"{n}.jpg") for n in (1, 2, 3)]
    images.append(coco_tree.entry(4, "2.jpg", height=50))
    annotations = [annotation(n, image=n) for n in (1, 3, 4)]
    annotations.append(annotation(9, image=2, outline=bad_code))
    small_tree(tmp_path, annotations, images)

    def two_epochs():
        ds = coco(tmp_path, "val", masks=True, image_size=SIZE)
        return [len(arrays(ds)[0]) for _ in range(2)]

    counts, messages = caught(two_epochs)
    assert counts == [1, 1]
    folder = tmp_path / "val2017"
    assert messages[-1] == "coco: skipped 3 of 4 files"
    assert sorted(messages[:-1]) == [  # They are read in parallel.
        f"coco: skipped {folder / '2.jpg'}: run lengths do not sum to 48 x 64 pixels",
        f"coco: skipped {folder / '2.jpg'}: size (64, 48), but the annotations have "
        "(64, 50)",
        f"coco: skipped {folder / '3.jpg'}: No such file or directory",
    ]


@QUIET
def test_other_data_in_the_format_brings_its_own_classes(tmp_path):
    categories = [{"id": 7, "name": "dent"}, {"id": 3, "name": "scratch"}]
    small_tree(tmp_path, [annotation(1, category=7)], categories=categories)
    ds = coco(tmp_path, "val")
    assert (ds.class_names, ds.category_ids) == (["scratch", "dent"], [3, 7])
    assert next(ds.as_numpy_iterator())[1].tolist() == [[0, 1], [0, 0]]


@QUIET
def test_year_and_split(tree):
    root, _ = tree
    small_tree(root, [annotation(1), annotation(2, image=2)])
    coco_tree.write_tree(root, "train2017", count=3)
    assert len(arrays(coco(root, "train"))[0]) == 3
    assert len(arrays(coco(root, "train", year=2014))[0]) == 20
    assert len(arrays(coco(str(root), "val", year="2017"))[0]) == 2
    message = r"`split`.*\['train', 'val'\].*Received: split='test'"
    with pytest.raises(ValueError, match=message):
        coco(root, "test")
    with pytest.raises(ValueError, match=r"`year`.*\['2017'\].*Received: year=2014"):
        coco(root, "val", year=2014)


@QUIET
@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            {"classes": ["cat", "unicorn"]},
            r"`classes`.*not \['unicorn'\]\. Received: classes=\['cat', 'unicorn'\]",
        ),
        ({"classes": ["cat", "cat"]}, r"`classes`.*Received: classes=\['cat', 'cat'\]"),
        ({"resizing": "stretch"}, "`resizing`.*Received: resizing='stretch'"),
        ({"limit": 0}, "`limit`.*Received: limit=0"),
    ],
)
def test_errors(tree, options, message):
    with pytest.raises(ValueError, match=message):
        coco(tree[0], **options)


def test_errors_of_a_wrong_root(tmp_path):
    with pytest.raises(FileNotFoundError, match="`root` should be .*Received: root="):
        coco(tmp_path)
    folder = tmp_path / "annotations"
    folder.mkdir()
    file = folder / "instances_val2017.json"
    file.write_text("{}")
    with pytest.raises(FileNotFoundError, match="images of instances_val2017.json"):
        coco(tmp_path, "val")
    (tmp_path / "val2017").mkdir()
    with pytest.raises(ValueError, match="should be JSON with images.*Received: .*Key"):
        coco(tmp_path, "val")
    file.write_text(json.dumps({"images": [], "annotations": [], "categories": []}))
    with pytest.raises(ValueError, match="should list images. Received: none"):
        coco(tmp_path, "val")
