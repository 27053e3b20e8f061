"""--dataset folder."""

import pathlib

from keras_explainer import datasets
from keras_explainer.command_line.command_error import UsageError
from keras_explainer.datasets.image_folder import list_folder
from keras_explainer.files.picture_files import is_ignored
from keras_explainer.files.picture_files import picture_files
from keras_explainer.loading.data_source import DataSource

# Subfolders that are parts of the data and no classes.
_SPLITS = {"train", "training", "val", "valid", "validation", "test", "testing"}


class FolderSource(DataSource):
    """Pictures in a folder, or in a subfolder for each class.

    Args: as of `DataSource`.
    """

    @property
    def class_names(self):
        # The subfolders are no such list by themselves: nothing says that the
        # classifier has its classes in their order.
        return self.args.classes or []

    def load_training(self, options):
        args = self.args
        options = {**options, "class_names": args.classes, "limit": args.limit}
        folder, validation_folder = self._folders()
        try:
            train = datasets.image_folder(
                folder, shuffle=True, seed=args.seed, augment=args.augment, **options
            )
            validation = validation_folder and datasets.image_folder(
                validation_folder, **options
            )
        except ValueError as error:  # Its `class_names` are our --classes.
            raise ValueError(str(error).replace("class_names", "classes")) from error
        pictures = list_folder(folder, args.classes).pictures
        return train, validation, len(pictures[: args.limit])

    def picture_files(self):
        folder, validation_folder = self._folders()
        listed = list_folder(validation_folder or folder, self.args.classes).pictures
        return [path for path, _ in listed]

    def _folders(self):
        """Returns the folder to learn from, and that to validate on or None."""
        args, root = self.args, pathlib.Path(self.args.data)
        folder = _split_folder(root, args.split, "train", "--split") or root
        return folder, _split_folder(
            root, args.validation_split, "val", "--validation-split"
        )

    def load_evaluation(self, explainer, options):
        args, root = self.args, pathlib.Path(self.args.data)
        if args.split and not (root / args.split).is_dir():
            raise UsageError(
                f"Argument --split should be a subfolder of {root}. Received: "
                f"{args.split}"
            )
        root = root / (args.split or "")
        classes, names = args.classes, explainer.class_names
        if classes is None and names:
            found = list_folder(root).class_names
            classes = names if set(names) <= set(found) else None
        labelled = classes is not None
        if labelled:
            self.check_classes(classes, explainer)
        dataset = datasets.image_folder(
            root, class_names=classes, limit=args.limit, cache=True, **options
        )
        if not labelled:
            dataset = dataset.map(lambda images, *labels: (images,))
        pictures = list_folder(root, classes).pictures
        targets = "the classes of the subfolders"
        if not labelled:
            targets = "the classifier's own predictions (for labels, give --classes)"
        class_names = names or classes or explainer.display_names
        return dataset, len(pictures[: args.limit]), class_names, targets


def _split_folder(root, asked, usual, flag):
    """Returns the subfolder of a split, or None if it is absent and not asked for."""
    folder = root / (asked or usual)
    if folder.is_dir():
        if asked is None:
            _check_no_class(folder, flag)
        return folder
    if asked is None:
        return None
    raise UsageError(
        f"Argument {flag} should be a subfolder of {root}. Received: {asked}"
    )


def _check_no_class(folder, flag):
    """Refuses to take a folder for a part of the data that may be one of its classes.

    Raises:
        UsageError: If it has no classes inside, but pictures beside it.
    """
    if any(picture_files(path, deep=True).pictures for path in _subfolders(folder)):
        return
    root = folder.parent
    siblings = [path for path in _subfolders(root) if path.name.lower() not in _SPLITS]
    found = [path.name for path in siblings if picture_files(path, deep=True).pictures]
    found += [path.name for path in picture_files(root).pictures]
    if found:
        raise UsageError(
            f"Argument {flag} should say whether {folder.name} is all there is to load "
            f"({flag} {folder.name}) or one class of several ({flag} .). Received: "
            f"nothing, with {found[0]} beside it in {root}"
        )


def _subfolders(folder):
    found = sorted(path for path in folder.iterdir() if path.is_dir())
    return [path for path in found if not is_ignored(path.name)]
