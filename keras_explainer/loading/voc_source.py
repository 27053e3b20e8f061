"""--dataset voc."""

import pathlib

from keras_explainer import datasets
from keras_explainer.datasets.voc import find_folder
from keras_explainer.datasets.voc import read_split
from keras_explainer.loading.annotated_source import AnnotatedSource


class VOCSource(AnnotatedSource):
    """PASCAL VOC.

    Args: as of `DataSource`.
    """

    load = staticmethod(datasets.voc)

    def annotated_classes(self, split):
        return datasets.VOC_CLASSES

    def image_names(self, split):
        return read_split(find_folder(pathlib.Path(self.args.data), None), split)
