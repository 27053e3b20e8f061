"""--dataset tfds:NAME."""

from keras_explainer import datasets
from keras_explainer.command_line.command_error import UsageError
from keras_explainer.datasets.from_tfds import find_builder
from keras_explainer.datasets.tfds_features import label_names
from keras_explainer.loading.data_source import DataSource

# Splits to validate and to measure on, the usual ones first.
_VALIDATION_SPLITS = ("validation", "val", "test")


class TFDSSource(DataSource):
    """A data set of TensorFlow Datasets.

    Args: as of `DataSource`.
    """

    @property
    def class_names(self):
        return self.args.classes or label_names(self._info.features, self._name)

    def load_training(self, options):
        args = self.args
        split = args.split or "train"
        options = {**options, "limit": args.limit, "seed": args.seed}
        train = self._load(split, shuffle=True, augment=args.augment, **options)
        # Known once the data set was prepared.
        validation_split = args.validation_split or self._validation_split(
            apart_from=split
        )
        validation = validation_split and self._load(
            validation_split, shuffle=False, **options
        )
        return train, validation, self._count(split)

    def load_evaluation(self, explainer, options):
        classes = self.class_names
        self.check_classes(classes, explainer)
        split = self.args.split or self._validation_split() or "train"
        options = {**options, "shuffle": False, "cache": True}
        options["limit"] = self.args.limit
        try:
            dataset = self._load(split, masks=True, **options)
        except ValueError:  # It has neither masks nor boxes; or else it says so again.
            dataset = self._load(split, **options)
        return dataset, self._count(split), classes, "the classes in the image"

    def _load(self, split, **options):
        assert self._info  # Says what is wrong with the name.
        return datasets.from_tfds(self._name, split, data_dir=self.args.data, **options)

    @property
    def _name(self):
        return self.args.dataset.partition(":")[2]

    @property
    def _info(self):
        """The `tfds.core.DatasetInfo`.

        Raises:
            UsageError: If TensorFlow Datasets knows no such data set.
        """
        import tensorflow_datasets as tfds

        try:
            return find_builder(self._name, self.args.data).info
        except tfds.core.DatasetNotFoundError as error:
            raise UsageError(
                "Argument --dataset should be a data set that TensorFlow Datasets "
                f"knows, after tfds:. Received: {self.args.dataset}"
            ) from error

    def _validation_split(self, apart_from=None):
        """Returns the first of the usual splits that there is, or None."""
        splits = self._info.splits
        usual = (name for name in _VALIDATION_SPLITS if name in splits)
        return next((name for name in usual if name != apart_from), None)

    def _count(self, split):
        count = self._info.splits[split].num_examples
        return min(count, self.args.limit or count)
