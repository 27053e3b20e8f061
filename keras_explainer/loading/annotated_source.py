"""Data sets in which every object is annotated, of any of their classes."""

from keras_explainer.loading.data_source import DataSource


class AnnotatedSource(DataSource):
    """Images with a mask for each object; classes may be left out.

    Args: as of `DataSource`.
    """

    # The function of `keras_explainer.datasets` that loads a split.
    load = None

    def annotated_classes(self, split):
        """Returns the names of all classes in the annotations."""
        raise NotImplementedError

    def image_names(self, split):
        """Returns a list with an entry for each image of a split."""
        raise NotImplementedError

    def has_split(self, split):
        """Returns whether there is a split to validate on."""
        return True

    @property
    def class_names(self):
        return self.args.classes or self.annotated_classes(self.args.split or "train")

    def load_training(self, options):
        args = self.args
        options = {**options, "classes": args.classes, "limit": args.limit}
        split, validation_split = args.split or "train", args.validation_split or "val"
        train = self.load(
            args.data,
            split,
            shuffle=True,
            seed=args.seed,
            augment=args.augment,
            **options,
        )
        validation = None
        if args.validation_split or self.has_split(validation_split):
            validation = self.load(
                args.data, validation_split, shuffle=False, **options
            )
        return train, validation, len(self.image_names(split)[: args.limit])

    def load_evaluation(self, explainer, options):
        args = self.args
        split = args.split or "val"
        count = len(self.image_names(split)[: args.limit])
        every, known = self.annotated_classes(split), explainer.class_names
        classes = args.classes or every
        if args.classes is None and known and set(known) <= set(every):
            classes = known
        self.check_classes(classes, explainer)
        dataset = self.load(
            args.data,
            split,
            classes=classes,
            masks=True,
            shuffle=False,
            cache=True,
            limit=args.limit,
            **options,
        )
        return dataset, count, list(classes), "the classes in the image"
