"""The builders, on small trees in the official formats that are written here."""

import pathlib
import subprocess
import sys
import tempfile

import coco_tree
import numpy as np
import pytest
import tensorflow_datasets as tfds
from PIL import Image

from keras_explainer.datasets import VOC_CLASSES
from keras_explainer.datasets import coco
from keras_explainer.datasets.coco import COCO_CATEGORIES
from keras_explainer.datasets.coco_masks import CocoMasks
from keras_explainer.datasets.voc_masks import VocMasks

pytestmark = pytest.mark.slow  # mock data sets are written and read

CAT, DOG = VOC_CLASSES.index("cat") + 1, VOC_CLASSES.index("dog") + 1


def write_voc(folder, lists, seed=0):
    """Writes a `VOC<year>` folder: names of one letter, `a` and `b` with masks."""
    rng = np.random.default_rng(seed)
    for name in sorted({n for names in lists.values() for n in names}):
        picture = rng.integers(0, 255, (3, 4, 3), "uint8").repeat(8, 0).repeat(8, 1)
        save(folder / "JPEGImages" / f"{name}.jpg", Image.fromarray(picture))
        if any(name in n for kind, n in lists.items() if "Segmentation" in kind):
            mask = Image.fromarray(voc_mask())
            mask.putpalette(bytes(range(256)) * 3)
            save(folder / "SegmentationClass" / f"{name}.png", mask)
        nodes = "".join(
            f"<object><name>{c}</name></object>" for c in ("dog", "cat", "dog")
        )
        path = folder / "Annotations" / f"{name}.xml"
        path.parent.mkdir(exist_ok=True)
        path.write_text(f"<annotation>{nodes}</annotation>")
    for kind, names in lists.items():
        path = folder / "ImageSets" / f"{kind}.txt"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("\n".join(names))


def voc_mask():
    mask = np.zeros((24, 32), "uint8")
    mask[4:12, 4:12], mask[4:12, 12], mask[14:20, 5:30] = CAT, 255, DOG
    return mask


def save(path, picture):
    path.parent.mkdir(parents=True, exist_ok=True)
    picture.save(path)


TRAINVAL = {
    "Main/train": ["train_0", "train_1", "train_2"],
    "Main/val": ["val_0", "val_1"],
    "Segmentation/train": ["train_1"],
    "Segmentation/val": ["val_0"],
}
TEST = {"Main/test": ["test_0", "test_1"], "Segmentation/test": ["test_1"]}


class BuilderTest:
    """Writes the data of a test of a builder into a folder of its own."""

    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(folder.cleanup)
        cls.EXAMPLE_DIR = folder.name
        cls.write(pathlib.Path(folder.name))
        super().setUpClass()


class VocMasks2007Test(BuilderTest, tfds.testing.DatasetBuilderTestCase):
    DATASET_CLASS = VocMasks
    BUILDER_CONFIG_NAMES_TO_TEST = ["2007"]
    SPLITS = {
        "train": 3,
        "val": 2,
        "test": 2,
        "segmented_train": 1,
        "segmented_val": 1,
        "segmented_test": 1,
    }
    OVERLAPPING_SPLITS = ["segmented_train", "segmented_val", "segmented_test"]
    DL_EXTRACT_RESULT = {"trainval": "trainval", "test": "test"}

    @classmethod
    def write(cls, root):
        write_voc(root / "trainval" / "VOCdevkit" / "VOC2007", TRAINVAL)
        write_voc(root / "test" / "VOCdevkit" / "VOC2007", TEST)


class VocMasks2012Test(BuilderTest, tfds.testing.DatasetBuilderTestCase):
    DATASET_CLASS = VocMasks
    BUILDER_CONFIG_NAMES_TO_TEST = ["2012"]
    SPLITS = {"train": 3, "val": 2, "segmented_train": 1, "segmented_val": 1}
    OVERLAPPING_SPLITS = ["segmented_train", "segmented_val"]
    DL_EXTRACT_RESULT = {"trainval": "trainval"}

    @classmethod
    def write(cls, root):
        write_voc(root / "trainval" / "VOCdevkit" / "VOC2012", TRAINVAL)


class CocoMasks2014Test(BuilderTest, tfds.testing.DatasetBuilderTestCase):
    DATASET_CLASS = CocoMasks
    BUILDER_CONFIG_NAMES_TO_TEST = ["2014"]
    SPLITS = {"train": 20, "val": 4}
    DL_EXTRACT_RESULT = {
        "annotations": "unpacked",
        "train2014": "unpacked",
        "val2014": "unpacked",
    }

    @classmethod
    def write(cls, root):
        root = root / "unpacked"
        coco_tree.write_tree(root, "train2014")
        coco_tree.write_tree(root, "val2014", count=4, seed=1)


def prepared(builder, manual_dir):
    """Prepares a builder from a folder, and from nothing else."""
    config = tfds.download.DownloadConfig(manual_dir=manual_dir)
    builder.download_and_prepare(download_config=config)
    return builder


def test_voc_values_from_a_local_devkit(tmp_path):
    folder = tmp_path / "manual" / "VOCdevkit" / "VOC2007"
    write_voc(folder, TRAINVAL)
    builder = prepared(
        VocMasks(config="2007", data_dir=tmp_path / "prepared"), tmp_path / "manual"
    )
    # The splits of the lists that are there.
    assert set(builder.info.splits) == {
        *("train", "val", "segmented_train", "segmented_val")
    }
    assert builder.info.features["labels"].feature.names == VOC_CLASSES
    found = {
        example["image/filename"].decode(): example
        for example in tfds.as_numpy(builder.as_dataset(split="train"))
    }
    assert sorted(found) == ["train_0.jpg", "train_1.jpg", "train_2.jpg"]
    segmented, other = found["train_1.jpg"], found["train_0.jpg"]
    np.testing.assert_array_equal(segmented["mask"][..., 0], voc_mask())
    np.testing.assert_array_equal(other["mask"], np.full((24, 32, 1), 255))
    np.testing.assert_array_equal(segmented["labels"], [CAT - 1, DOG - 1])
    jpeg = np.asarray(Image.open(folder / "JPEGImages" / "train_1.jpg"))
    np.testing.assert_allclose(segmented["image"], jpeg, atol=3)


@pytest.mark.filterwarnings("ignore:coco")
def test_coco_values_from_a_local_folder(tmp_path):
    content = coco_tree.write_tree(tmp_path, "train2017")
    builder = prepared(CocoMasks(config="2017", data_dir=tmp_path / "prep"), tmp_path)
    assert list(builder.info.splits) == ["train"]
    found = {
        example["image/id"]: example
        for example in tfds.as_numpy(builder.as_dataset(split="train"))
    }
    assert list(sorted(found)) == [entry["id"] for entry in content["images"]]
    size = coco_tree.HEIGHT, coco_tree.WIDTH
    plain = coco(tmp_path, image_size=size, masks=True, shuffle=False, batch_size=None)
    ids = list(COCO_CATEGORIES)
    for entry, (_, labels, mask) in zip(
        content["images"], plain.as_numpy_iterator(), strict=True
    ):
        example = found[entry["id"]]
        np.testing.assert_array_equal(example["mask"][..., 0], mask)
        np.testing.assert_array_equal(example["labels"], np.flatnonzero(labels))
        assert [ids[index] for index in example["labels"]] == list(
            example["category_ids"]
        )


def test_importing_the_package_does_not_load_tfds():
    code = (
        "import sys, keras_explainer, keras_explainer.datasets as d; d.from_tfds;"
        "sys.exit('tensorflow_datasets' in sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
