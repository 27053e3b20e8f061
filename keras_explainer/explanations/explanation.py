"""What `explain` returns."""

import typing

import numpy as np

from keras_explainer.explanations.told import told
from keras_explainer.predicted_from import PREDICTED_FROM

_SHOWN = 8  # Rows of a figure that are still looked at.


class _Parts(typing.NamedTuple):
    masks: typing.Any
    classes: typing.Any
    scores: typing.Any
    target_mask: typing.Any
    probabilities: typing.Any
    kept_scores: typing.Any = None
    removed_scores: typing.Any = None
    relevance: typing.Any = None


class Explanation(_Parts):
    """Masks of the classes asked for, with the prediction they belong to.

    `masks` are outlines: what belongs to a class, and what does not. `relevance` is the
    order in which pixels matter to it, inside of the outline and outside.

    It is a tuple of the arrays below. What `explain` returns also has `pictures`, those
    that were given (list of `PIL.Image`) or the images as pixels 0..255 (uint8 array
    (N, H, W, 3)), their `names` if they came from files, and the explainer's
    `class_names`. A tuple put together from parts has None instead.

    Args:
        masks: float32 (N, H, W, k) in [0, 1], at the size of the images.
        classes: int32 (N, k), the class of each mask; -1 where there is none.
        scores: float32 (N, k), the classifier's probability of each class.
        target_mask: float32 (N, H, W) in [0, 1], the maximum over the masks of the
            classes asked for, or else over those of `masks` that are predicted: the
            likeliest class, and of several labels those of at least one half.
        probabilities: float32 (N, C), the classifier's whole answer.
        kept_scores: float32 (N, k), the probability of each class when the classifier
            sees only what its mask keeps; None unless asked for by `verify=True`.
        removed_scores: float32 (N, k), the same when it sees only what the mask leaves.
        relevance: float32 (N, H, W, k), graded, of the same classes: each from 0 to
            1, which is what speaks most for the class in this image. For heat maps, and
            for metrics that take pixels one after the other.

    Example:

    ```python
    explanation = explainer.explain("photo.jpg")
    print(explanation)  # the classes of each picture, and the shapes of the arrays
    explanation.show()  # in a notebook; elsewhere explanation.show("explained.png")
    ```
    """

    pictures = names = class_names = None

    def of(self, pictures, names=None, class_names=None):
        """Notes what is explained, for `show` and for printing.

        Args:
            pictures: List of RGB `PIL.Image`, or uint8 array (N, H, W, 3).
            names: List of N strings, or None.
            class_names: List of strings by class, a dict from index to name, or None.

        Returns:
            The explanation itself.
        """
        self.pictures, self.names, self.class_names = pictures, names, class_names
        return self

    def __repr__(self):
        return told(self)

    def show(self, path=None, limit=_SHOWN):
        """Draws the pictures with their masks, one a row, as a figure.

        A notebook draws the figure that a cell ends with. Nothing is opened elsewhere:
        give a path, and look at the file.

        Args:
            path: Path ending in ".png" to write the figure to, or None.
            limit: int. How many of the pictures to draw, from the first on.

        Returns:
            matplotlib Figure, as `keras_explainer.visualization.gallery` makes it.

        Raises:
            ValueError: If the explanation does not know its pictures: it was put
                together from parts, or made inside a `tf.function`.
        """
        from keras_explainer.visualization import gallery
        from keras_explainer.visualization import save_figure

        if self.pictures is None:
            raise ValueError(
                "An explanation that is shown should know its pictures; draw it by "
                "`keras_explainer.visualization.gallery(pictures, explanation)`. "
                "Received: one that was put together from parts, or made in a graph"
            )
        parts = (None if part is None else part[:limit] for part in self)
        figure = gallery(
            self.pictures[:limit],
            type(self)(*parts),
            self.class_names,
            names=self.names and self.names[:limit],
        )
        if path is not None:
            save_figure(figure, path)
        return figure

    def verdict(self):
        """Tells in a sentence what the masks prove.

        The classes that count are those of a probability of at least one half, and of
        each image the likeliest of those that it was explained for.

        An answer is kept if the classifier gives the class at least half of its
        probability from its mask alone, and given up if it gives it less than half
        without it.

        Returns:
            str.

        Raises:
            ValueError: If nothing was verified (`explain(images, verify=True)`).

        Example:

        ```python
        print(explainer.explain(images, verify=True).verdict())
        ```
        """
        if self.kept_scores is None:
            raise ValueError(
                "Argument `verify` of `explain` should be True for a verdict. "
                "Received: an explanation without `kept_scores`"
            )
        scores = np.where(np.asarray(self.classes) >= 0, self.scores, -1.0)
        likeliest = np.arange(scores.shape[1]) == scores.argmax(axis=1)[:, None]
        counts = (scores >= PREDICTED_FROM) | (likeliest & (scores >= 0))
        areas = np.mean(self.masks, axis=(1, 2))
        full, kept, removed, area = (
            np.asarray(values)[counts]
            for values in (scores, self.kept_scores, self.removed_scores, areas)
        )
        one = len(full) == 1
        masks = "1 mask covers" if one else f"{len(full)} masks cover"
        whose, them = ("class's", "it") if one else ("classes'", "them")
        is_kept, is_given_up = np.sum(kept >= full / 2), np.sum(removed < full / 2)
        answers = "answer is" if is_kept == 1 else "answers are"
        return (
            f"{masks} {area.mean():.0%} of a picture; of the {whose} "
            f"{full.mean():.2f} the classifier keeps {kept.mean():.2f} from {them} and "
            f"{removed.mean():.2f} from the rest; {is_kept} {answers} kept, "
            f"{is_given_up} given up without {them}"
        )
