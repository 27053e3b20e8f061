"""All kinds of --dataset."""

from keras_explainer.loading.coco_source import COCOSource
from keras_explainer.loading.folder_source import FolderSource
from keras_explainer.loading.shapes_source import ShapesSource
from keras_explainer.loading.tfds_source import TFDSSource
from keras_explainer.loading.voc_source import VOCSource

DATA_SOURCES = {
    "voc": VOCSource,
    "coco": COCOSource,
    "folder": FolderSource,
    "shapes": ShapesSource,
    "tfds": TFDSSource,
}


def data_source(args):
    """Returns the `DataSource` that --dataset names.

    Args:
        args: Namespace of `train` or of `evaluate`.
    """
    return DATA_SOURCES[args.dataset.partition(":")[0]](args)
