"""What --dataset names: where images come from, and which classes they have."""

from keras_explainer.command_line.command_error import UsageError
from keras_explainer.inputs.check_class_names import check_same_order


class DataSource:
    """Images of one --dataset; a subclass for each kind.

    Args:
        args: Namespace of `train` or of `evaluate`.
    """

    def __init__(self, args):
        self.args = args

    @property
    def class_names(self):
        """List of the names of the labels, in order; empty where nothing tells them."""
        raise NotImplementedError

    def load_training(self, options):
        """Loads the images to learn from, and those to validate on.

        Args:
            options: Dict of `image_options`.

        Returns:
            Tuple of two `tf.data.Dataset`s, the second may be None, and of the number
            of images in the first one, int, broken ones included.
        """
        raise NotImplementedError

    def load_evaluation(self, explainer, options):
        """Loads the images to measure on, in a fixed order.

        Args:
            explainer: The explainer, which knows its classes.
            options: Dict of `image_options`.

        Returns:
            Tuple of the fields of `EvaluationData`.

        Raises:
            UsageError: If the data does not have the classes of the classifier.
        """
        raise NotImplementedError

    def picture_files(self):
        """Finds the files of what training is validated on, or else learns from.

        Returns:
            List of paths, sorted; empty where the data are no plain files.
        """
        return []

    def check_classes(self, classes, explainer):
        """Refuses labels of other classes than those that the explainer has.

        Args:
            classes: List of the names of the labels, in order.
            explainer: The explainer.

        Raises:
            UsageError: If there are more or fewer, or `check_order` refuses them.
        """
        outputs = explainer.frozen.num_classes
        if len(classes) != outputs:
            named, dataset = self.args.classes, self.args.dataset
            raise UsageError(
                f"Argument --classes should name the {outputs} classes of the "
                f"classifier in its order. Received: {len(classes)} classes, "
                + (",".join(named) if named else f"those of {dataset}")
            )
        self.check_order(classes, explainer)

    def check_order(self, classes, explainer):
        """Refuses labels in another order than the names that the explainer has.

        Args:
            classes: List of the names of the labels, in order.
            explainer: The explainer, whose names may be unknown.

        Raises:
            UsageError: If a class has another index in one list than in the other, or
                the dataset has none of the explainer's classes.
        """
        names = explainer.class_names
        if not names:
            return
        if not self.args.classes and not set(classes) & set(names):
            raise UsageError(
                f"Argument --classes should say which class of {self.args.dataset} is "
                f"which of the explainer's, {', '.join(names[:3])} and so on. "
                "Received: nothing"
            )
        try:
            check_same_order(classes, names, "Argument --classes")
        except ValueError as error:
            raise UsageError(str(error)) from error
