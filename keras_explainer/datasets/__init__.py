"""Pictures to train and evaluate explainers on, as `tf.data.Dataset`s."""

from keras_explainer.datasets.coco import COCO_CLASSES
from keras_explainer.datasets.coco import coco
from keras_explainer.datasets.from_tfds import from_tfds
from keras_explainer.datasets.image_folder import image_folder
from keras_explainer.datasets.shapes import SHAPES_CLASSES
from keras_explainer.datasets.shapes import shapes
from keras_explainer.datasets.voc import VOC_CLASSES
from keras_explainer.datasets.voc import voc

__all__ = [
    "COCO_CLASSES",
    "SHAPES_CLASSES",
    "VOC_CLASSES",
    "coco",
    "from_tfds",
    "image_folder",
    "shapes",
    "voc",
]
