"""The columns of the comparison."""

import typing


class MetricColumn(typing.NamedTuple):
    """A metric as tables have it.

    Args:
        label: String, the head of the column.
        is_main: Boolean. Whether it is shown on the screen, where room is short.
        better: "high", "low" or None, for the arrow behind the label.
    """

    label: str
    is_main: bool = False
    better: str | None = None

    @property
    def head(self):
        """The label with an arrow to where better values are."""
        arrow = {"high": " \N{UPWARDS ARROW}", "low": " \N{DOWNWARDS ARROW}"}
        return self.label + arrow.get(self.better, "")


METRIC_COLUMNS = {
    "iou": MetricColumn("IoU", True, "high"),
    "threshold_averaged_iou": MetricColumn("averaged IoU", False, "high"),
    "continuous_iou": MetricColumn("continuous IoU", False, "high"),
    "class_iou": MetricColumn("class IoU", True, "high"),
    "threshold_averaged_f1": MetricColumn("averaged F1", True, "high"),
    "continuous_f1": MetricColumn("continuous F1", False, "high"),
    "accuracy": MetricColumn("accuracy", True, "high"),
    "auc": MetricColumn("AUC", True, "high"),
    "object_coverage": MetricColumn("object coverage", False, "high"),
    "background_coverage": MetricColumn("background coverage", False, "low"),
    "trimap_iou": MetricColumn("trimap IoU", False, "high"),
    "pointing_game": MetricColumn("pointing", True, "high"),
    "energy_inside": MetricColumn("energy inside", False, "high"),
    "undecided_share": MetricColumn("undecided", False, "low"),
    "saliency": MetricColumn("saliency", True, "low"),
    "random_saliency": MetricColumn("saliency of random mask"),
    "insertion": MetricColumn("insertion", True, "high"),
    "deletion": MetricColumn("deletion", True, "low"),
    "drop": MetricColumn("drop", True, "low"),
    "random_drop": MetricColumn("drop of random mask"),
    "increase": MetricColumn("increase", False, "high"),
    "own_class": MetricColumn("own class", False, "high"),
    "other_classes": MetricColumn("other classes", False, "low"),
    "class_discrimination_gap": MetricColumn("discrimination gap", True, "high"),
    "empty": MetricColumn("empty maps", False, "low"),
    "passes": MetricColumn("passes", True),
}

LEGEND = """\
IoU: intersection over union of the merged mask of the classes in the image, at 0.5,
with the true mask; averaged IoU: over the thresholds 0.1 ... 0.9; class IoU: of each
class by itself; averaged F1: at 0.25, 0.5 and 0.75; trimap IoU: within 5 pixels of
the border of the object; AUC: of the ROC curve of the pixels;
pointing: highest point on the object; saliency: log of the area less log of the
probability kept; insertion, deletion: area under the curve of the probability of
each class as pixels come or go in the order of its map; drop: share of the
probability that is lost when only what the map holds is kept; random mask: the same for
a random one of equal area; discrimination gap: what the mask of a class keeps of that
class (own class) less what the masks of the other classes keep of it; empty maps:
share of constant maps; passes: classifier passes per image; s/image: seconds,
median. Of an Explainer, AUC, pointing, insertion, deletion, drop and increase are of
its relevance (of its masks by the published protocol), all else of its masks. Else the
mean over images, with its 95 % bootstrap interval."""
