"""--dataset coco."""

import pathlib

from keras_explainer import datasets
from keras_explainer.datasets.coco import find_instances
from keras_explainer.datasets.coco_file import read_instances
from keras_explainer.datasets.remarks import Remarks
from keras_explainer.loading.annotated_source import AnnotatedSource


class COCOSource(AnnotatedSource):
    """COCO, and what has annotations in its form.

    Args: as of `DataSource`.
    """

    load = staticmethod(datasets.coco)

    def annotated_classes(self, split):
        return list(self._instances(split).categories.values())

    def image_names(self, split):
        return list(self._instances(split).images)

    def has_split(self, split):
        try:
            return bool(self._file(split))
        except (FileNotFoundError, ValueError):
            return False

    def _instances(self, split):
        # What is odd in them is told when they are loaded.
        return read_instances(self._file(split), Remarks("coco"))

    def _file(self, split):
        return find_instances(pathlib.Path(self.args.data), split, None)
