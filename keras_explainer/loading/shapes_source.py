"""--dataset shapes."""

from keras_explainer import datasets
from keras_explainer.loading.data_source import DataSource

_TRAINING_IMAGES, _VALIDATION_IMAGES, _EVALUATION_IMAGES = 2048, 256, 256
# Added to --seed, so that no image is drawn for two of the three.
_VALIDATION_SEED, _EVALUATION_SEED = 5_000_000, 9_000_000


class ShapesSource(DataSource):
    """Shapes that are drawn on the fly.

    Args: as of `DataSource`.
    """

    @property
    def class_names(self):
        return self.args.classes or datasets.SHAPES_CLASSES

    def load_training(self, options):
        seed = self.args.seed
        count = self.args.limit or _TRAINING_IMAGES
        train = datasets.shapes(count, seed=seed, **options)
        fewer = min(count, _VALIDATION_IMAGES)
        validation = datasets.shapes(fewer, seed=seed + _VALIDATION_SEED, **options)
        return train, validation, count

    def load_evaluation(self, explainer, options):
        classes = datasets.SHAPES_CLASSES
        count = self.args.limit or _EVALUATION_IMAGES
        self.check_classes(classes, explainer)
        seed = self.args.seed + _EVALUATION_SEED
        dataset = datasets.shapes(count, seed=seed, masks=True, **options)
        return dataset, count, classes, "the classes in the image"
