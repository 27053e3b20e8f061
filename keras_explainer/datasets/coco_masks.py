"""COCO with segmentation masks, for TensorFlow Datasets."""

import numpy as np
import tensorflow_datasets as tfds

from keras_explainer.datasets.coco import COCO_CATEGORIES
from keras_explainer.datasets.coco import COCO_CLASSES
from keras_explainer.datasets.coco import image_folder_of
from keras_explainer.datasets.coco import open_instances_image
from keras_explainer.datasets.coco_file import read_instances
from keras_explainer.datasets.coco_segmentation import class_mask
from keras_explainer.datasets.remarks import Remarks
from keras_explainer.datasets.voc_masks import unpacked

_SERVER = "http://images.cocodataset.org"


class CocoMasks(tfds.core.GeneratorBasedBuilder):
    """Images, labels and segmentation masks of COCO 2014 and 2017.

    Splits are train and val. Labels are the contiguous indices 0..79 of the classes
    in the image, crowds included; `category_ids` are their ids in COCO, 1..90. The
    mask is 0 for background, `i + 1` for class index `i` (the smaller object where
    several overlap), 255 for crowds. Images without annotations have no label.

    Example:

    ```python
    import keras_explainer.datasets.coco_masks, tensorflow_datasets as tfds

    ds = tfds.load("coco_masks/2014", split="val")
    ```

    Reference:
        Lin et al., "Microsoft COCO: Common Objects in Context", ECCV 2014.
    """

    VERSION = tfds.core.Version("1.0.0")
    BUILDER_CONFIGS = [
        tfds.core.BuilderConfig(name=year, description=f"COCO {year}.")
        for year in ("2014", "2017")
    ]
    MANUAL_DOWNLOAD_INSTRUCTIONS = (
        "Nothing is downloaded if the folder holds annotations/instances_*.json and "
        "the images in train<year> and val<year>."
    )

    def _info(self):
        return tfds.core.DatasetInfo(
            builder=self,
            description="COCO with image-level labels and segmentation masks.",
            homepage="https://cocodataset.org/",
            features=tfds.features.FeaturesDict(
                {
                    "image": tfds.features.Image(encoding_format="jpeg"),
                    "image/filename": tfds.features.Text(),
                    "image/id": np.int64,
                    "labels": tfds.features.Sequence(
                        tfds.features.ClassLabel(names=COCO_CLASSES)
                    ),
                    "category_ids": tfds.features.Sequence(np.int64),
                    "mask": tfds.features.Image(
                        shape=(None, None, 1), encoding_format="png"
                    ),
                }
            ),
        )

    def _split_generators(self, dl_manager):
        year = self.builder_config.name
        splits = [f"{split}{year}" for split in ("train", "val")]
        annotations = unpacked(dl_manager, "annotations")
        if annotations:
            files = {s: annotations / f"instances_{s}.json" for s in splits}
            files = {s: file for s, file in files.items() if file.exists()}
            folders = {s: image_folder_of(file) for s, file in files.items()}
        else:
            found = dl_manager.download_and_extract(
                {
                    "annotations": f"{_SERVER}/annotations/"
                    f"annotations_trainval{year}.zip",
                    **{split: f"{_SERVER}/zips/{split}.zip" for split in splits},
                }
            )
            folder = found["annotations"] / "annotations"
            files = {split: folder / f"instances_{split}.json" for split in splits}
            folders = {split: found[split] / split for split in splits}
        return {
            split.removesuffix(year): self._generate_examples(file, folders[split])
            for split, file in files.items()
        }

    def _generate_examples(self, file, folder):
        remarks = Remarks("coco_masks")
        instances = read_instances(file, remarks)
        remarks.warn()
        numbers = {i: n for n, i in enumerate(COCO_CATEGORIES, 1)}
        for number, entry in instances.images.items():
            annotations = instances.annotations.get(number, [])
            present = sorted({a["category_id"] for a in annotations})
            image = open_instances_image(folder, entry)
            mask = class_mask(annotations, numbers, image.height, image.width)
            yield (
                entry["file_name"],
                {
                    "image": folder / entry["file_name"],
                    "image/filename": entry["file_name"],
                    "image/id": number,
                    "labels": [COCO_CATEGORIES[i] for i in present],
                    "category_ids": present,
                    "mask": mask[..., None],
                },
            )
