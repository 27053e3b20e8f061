import numpy as np
import pytest
import tensorflow as tf
import tensorflow_datasets as tfds
from PIL import Image
from test_tfds_builders import CAT
from test_tfds_builders import DOG
from test_tfds_builders import TRAINVAL
from test_tfds_builders import voc_mask
from test_tfds_builders import write_voc

from keras_explainer.datasets import VOC_CLASSES
from keras_explainer.datasets import from_tfds

pytestmark = pytest.mark.slow  # mock data sets are written and read


def mocked(values, count=3):
    """Mocks a data set whose examples have these values, encoded as in its files."""

    def as_dataset(self, split, decoders=None, **kwargs):
        features = decoders.extract_features(self.info.features)
        example = {key: values[key] for key in features}
        if isinstance(example.get("objects"), list):
            inner = features["objects"].feature
            example["objects"] = [
                {key: thing[key] for key in inner} for thing in example["objects"]
            ]
        encoded = features.encode_example(example)
        tensors = {key: tf.constant(value) for key, value in flat(encoded).items()}
        ds = tf.data.Dataset.from_tensors(tensors).repeat(count)
        return ds.map(
            lambda e: features.decode_example(nested(e), decoders=decoders.decoders)
        )

    return tfds.testing.mock_data(as_dataset_fn=as_dataset)


def flat(tree):
    return {
        (f"{key}>{inner}" if inner else key): value
        for key, branch in tree.items()
        for inner, value in (
            branch if isinstance(branch, dict) else {"": branch}
        ).items()
    }


def nested(tensors):
    tree = {}
    for path, value in tensors.items():
        key, _, inner = path.partition(">")
        if inner:
            tree.setdefault(key, {})[inner] = value
        else:
            tree[key] = value
    return tree


def picture(height=8, width=6, value=90):
    return np.full((height, width, 3), value, "uint8")


@pytest.mark.parametrize(
    ("name", "split", "classes"),
    [
        ("imagenet2012", "validation", 1000),
        ("cats_vs_dogs", "train", 2),
        ("stanford_dogs", "train", 120),
        ("caltech_birds2011", "test", 200),
        ("oxford_iiit_pet", "train", 37),
        ("voc", "train", 20),
        ("coco", "train", 80),
        ("voc_masks/2007", "segmented_train", 20),
        ("coco_masks/2014", "val", 80),
        ("mnist", "train", 10),
    ],
)
def test_data_sets_of_tfds(name, split, classes):
    with tfds.testing.mock_data(num_examples=5):
        ds = from_tfds(name, split, image_size=(24, 16), batch_size=2)
        batches = list(ds.as_numpy_iterator())
    assert len(ds.class_names) == len(set(ds.class_names)) == classes
    assert [len(images) for images, _ in batches] == [2, 2, 1]
    for images, labels in batches:
        assert images.shape[1:] == (24, 16, 3) and images.dtype == "float32"
        assert images.std() > 10  # noise
        assert labels.shape[1:] == (classes,) and set(np.unique(labels)) == {0, 1}
        if name not in ("voc", "coco", "voc_masks/2007", "coco_masks/2014"):
            np.testing.assert_array_equal(labels.sum(1), 1)


def test_names_of_classes():
    with tfds.testing.mock_data(num_examples=1):
        assert from_tfds("cats_vs_dogs").class_names == ["cat", "dog"]
        assert from_tfds("oxford_iiit_pet").class_names[:2] == [
            "Abyssinian",
            "american_bulldog",
        ]
        assert from_tfds("voc_masks/2007").class_names == VOC_CLASSES


def one(name, values, **options):
    with mocked(values):
        ds = from_tfds(name, batch_size=None, masks=True, **options)
        return next(ds.as_numpy_iterator())


def test_mask_of_pets():
    trimap = np.full((8, 6, 1), 2, "uint8")  # background
    trimap[2:6, 1:5], trimap[2, 1:5] = 1, 3  # pet, border
    values = {"image": picture(), "label": 4, "segmentation_mask": trimap}
    image, labels, mask = one("oxford_iiit_pet", values, image_size=(8, 6))
    expected = np.zeros((8, 6))
    expected[3:6, 1:5], expected[2, 1:5] = 5, 255
    np.testing.assert_array_equal(mask, expected)
    np.testing.assert_array_equal(np.flatnonzero(labels), [4])
    np.testing.assert_allclose(image, 90, atol=3)
    # Padded to a square, the bars are void.
    image, _, mask = one("oxford_iiit_pet", values, image_size=8, resizing="pad")
    np.testing.assert_array_equal(mask[:, 1:7], expected)
    assert (mask[:, [0, 7]] == 255).all() and not image[:, [0, 7]].any()


def test_mask_of_birds_is_what_most_annotators_marked():
    grey = np.array([[0, 51, 102], [153, 204, 255]], "uint8")[..., None]
    values = {"image": picture(2, 3), "label": 199, "segmentation_mask": grey}
    _, _, mask = one("caltech_birds2011", values, image_size=(2, 3))
    np.testing.assert_array_equal(mask, [[0, 0, 0], [200, 200, 200]])


def test_boxes_are_filled_where_there_are_no_masks():
    boxes = [
        tfds.features.BBox(0.0, 0.0, 1.0, 0.5),
        tfds.features.BBox(0.25, 0.0, 0.5, 0.5),
    ]
    values = {"image": picture(), "label": 7, "objects": [{"bbox": b} for b in boxes]}
    _, _, mask = one("stanford_dogs", values, image_size=(8, 6))
    expected = np.zeros((8, 6))
    expected[:, :3] = 8
    np.testing.assert_array_equal(mask, expected)


def test_boxes_of_several_classes():
    # Those of a smaller box lie on top.
    labels = [19, 3]
    boxes = [
        tfds.features.BBox(0.25, 0.0, 0.5, 0.5),
        tfds.features.BBox(0.0, 0.0, 1.0, 1.0),
    ]
    objects = [{"bbox": box, "label": label} for box, label in zip(boxes, labels)]
    values = {"image": picture(), "objects": objects}
    # The labels of an image are in another order than its boxes.
    with mocked({**values, "labels": labels[::-1]}):
        ds = from_tfds("voc", batch_size=None, masks=True, image_size=(8, 6))
        _, row, mask = next(ds.as_numpy_iterator())
    expected = np.full((8, 6), 4)
    expected[2:4, :3] = 20
    np.testing.assert_array_equal(mask, expected)
    np.testing.assert_array_equal(np.flatnonzero(row), [3, 19])


def test_boxes_of_crowds_are_void():
    box = tfds.features.BBox(0.0, 0.0, 1.0, 0.5)
    objects = [{"bbox": box, "label": 3, "is_crowd": True}]
    values = {"image": picture(), "objects": objects}
    _, row, mask = one("coco/2014", values, image_size=(8, 6))
    expected = np.zeros((8, 6))
    expected[:, :3] = 255
    np.testing.assert_array_equal(mask, expected)
    np.testing.assert_array_equal(np.flatnonzero(row), [3])


@pytest.fixture(scope="module")
def devkit(tmp_path_factory):
    """VOC 2007, prepared: three images for training, one of them with a mask."""
    root = tmp_path_factory.mktemp("tfds")
    write_voc(root / "manual" / "VOCdevkit" / "VOC2007", TRAINVAL)
    return {"data_dir": str(root / "data"), "manual_dir": str(root / "manual")}


def test_masks_of_voc(devkit):
    ds = from_tfds(
        "voc_masks/2007",
        "segmented_train",
        masks=True,
        image_size=(24, 32),
        batch_size=None,
        **devkit,
    )
    ((_, labels, mask),) = ds.as_numpy_iterator()
    np.testing.assert_array_equal(mask, voc_mask())
    np.testing.assert_array_equal(np.flatnonzero(labels), [CAT - 1, DOG - 1])


def means(devkit, **options):
    ds = from_tfds("voc_masks/2007", image_size=8, batch_size=None, **options, **devkit)
    return [round(float(image.mean()), 3) for image, *_ in ds.as_numpy_iterator()]


def test_order_shards_and_limit(devkit):
    plain = means(devkit, shuffle=False)
    assert len(set(plain)) == 3
    assert means(devkit, shuffle=False, limit=2) == plain[:2]
    parts = [means(devkit, shuffle=False, shard=(i, 2)) for i in range(2)]
    assert sum(parts, []) == plain and all(parts)
    orders = [means(devkit, seed=seed) for seed in range(6)]
    assert all(sorted(order) == sorted(plain) for order in orders)
    assert len({tuple(order) for order in orders}) > 1
    assert orders == [means(devkit, seed=seed) for seed in range(6)]


def test_cache_decodes_once(devkit, monkeypatch):
    counts = []
    opened = Image.open
    monkeypatch.setattr(Image, "open", lambda f: counts.append(f) or opened(f))
    ds = from_tfds("voc_masks/2007", cache=True, **devkit)
    first = sorted(images.mean() for images, _ in ds.as_numpy_iterator())
    assert len(counts) == 3
    assert sorted(images.mean() for images, _ in ds.as_numpy_iterator()) == first
    assert len(counts) == 3


def test_augmentation_moves_image_and_mask_together(devkit):
    trimap = np.ones((32, 32, 1), "uint8")
    trimap[:, 16:] = 2
    values = {
        "image": picture(32, 32, 200) * (trimap == 1),
        "label": 0,
        "segmentation_mask": trimap,
    }
    with mocked(values, count=24):
        ds = from_tfds(
            "oxford_iiit_pet", masks=True, image_size=32, batch_size=24, augment=True
        )
        images, _, masks = next(ds.as_numpy_iterator())
    shown = images[..., 0] > 100
    assert np.mean(shown == (masks == 1)) > 0.95
    assert {int(m[0, 0]) for m in masks} == {0, 1}  # some are mirrored
    assert len({int(m.sum()) for m in masks}) > 3  # and cut differently


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("no_such_data", {}, "`name` should be a data set that.*Received: name='no_s"),
        ("imdb_reviews", {}, r"with images. Received: 'imdb_reviews' with.*'text'"),
        ("div2k", {}, r"with images. Received: 'div2k' with features \['hr', 'lr'\]"),
        ("cats_vs_dogs", {"masks": True}, "with masks or boxes. Received: 'cats_vs_d"),
        ("cats_vs_dogs", {"shard": (2, 2)}, "`shard` should be.*Received: shard="),
        ("cats_vs_dogs", {"resizing": "fit"}, "`resizing`.*Received: resizing='fit'"),
    ],
)
def test_errors(name, options, message):
    with tfds.testing.mock_data(), pytest.raises(ValueError, match=message):
        from_tfds(name, **options)


def test_mask_of_another_size_is_an_error():
    values = {"image": picture(), "label": 4}
    values["segmentation_mask"] = np.ones((9, 6, 1), "uint8")
    with pytest.raises(tf.errors.OpError, match="masks of oxford_iiit_pet should have"):
        one("oxford_iiit_pet", values)


def test_grey_pictures_become_rgb():
    grey = np.full((28, 28, 1), 77, "uint8")
    with mocked({"image": grey, "label": 3}):
        ds = from_tfds("mnist", image_size=4, batch_size=None)
        image, _ = next(ds.as_numpy_iterator())
    np.testing.assert_array_equal(image, np.full((4, 4, 3), 77))
