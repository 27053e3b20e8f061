import numpy as np

from keras_explainer.inputs.check_class_names import check_class_names
from keras_explainer.visualization.apply_mask import apply_mask
from keras_explainer.visualization.class_color import class_color
from keras_explainer.visualization.kept_and_removed import kept_and_removed
from keras_explainer.visualization.overlay import overlay
from keras_explainer.visualization.panel_figure import Panel
from keras_explainer.visualization.panel_figure import fit
from keras_explainer.visualization.panel_figure import panel_figure
from keras_explainer.visualization.panel_figure import panel_width
from keras_explainer.visualization.pixels import as_array
from keras_explainer.visualization.pixels import as_image
from keras_explainer.visualization.pixels import as_mask

_COLUMNS = ("image", "classes", "kept", "removed", "ground_truth")
_PARTS = ("masks", "classes", "scores", "target_mask")
_PROOF = ("kept_scores", "removed_scores")
_BACKGROUND = 128
_GROUND_TRUTH_COLOR = "#FFFFFF"


def gallery(
    images,
    explanation,
    class_names=None,
    ground_truth=None,
    columns=_COLUMNS,
    names=None,
):
    """Draws an explanation, one photograph a row.

    A row shows the photograph, the mask of each of its classes with the class's
    probability (and those from the mask alone and without it, if it was verified),
    what the target mask keeps, what the complement keeps and so the target mask
    removed, and the ground truth if there is one.

    Args:
        images: Array (N, H, W, 3) or list of N images of any sizes, (H, W, 3),
            (H, W, 1) or (H, W), uint8 or float, 0 to 255.
        explanation: object with the attributes `masks` (N, h, w, k), float in [0, 1];
            `classes` (N, k), int, where -1 leaves the place empty; `scores` (N, k),
            the probabilities; `target_mask` (N, h, w), float in [0, 1]; and perhaps
            `kept_scores` and `removed_scores` (N, k), from `explain(verify=True)`.
        class_names: List of strings by class, a dict from index to name, or None:
            "class 3".
        ground_truth: Array (N, h, w) or list of N masks, float in [0, 1] or bool, or
            None.
        columns: the columns to draw, in this order, out of "image", "classes", "kept",
            "removed" and "ground_truth" (only where it is given). Defaults to all.
        names: List of N strings, such as names of files, written under the images; or
            None.

    Returns:
        matplotlib Figure.

    Raises:
        ValueError: an argument has another shape, length or range.

    Example:

    ```python
    explanation = explainer.explain(images)
    pictures = explainer.preprocessing.restore(images)
    figure = kx.visualization.gallery(pictures, explanation, class_names)
    kx.visualization.save_figure(figure, "gallery.png")
    ```
    """
    images = [as_image(image, "images") for image in images]
    if not images:
        raise ValueError(
            "Argument `images` should hold at least one image. Received: none"
        )
    masks, classes, scores, target_mask = _parts(explanation, len(images))
    kept_scores, removed_scores = kept_and_removed(
        *(getattr(explanation, part, None) for part in _PROOF), scores.shape
    )
    of_classes = _names_of(classes, class_names)
    if ground_truth is not None and len(ground_truth) != len(images):
        raise ValueError(
            "Argument `ground_truth` should hold a mask for each of the "
            f"{len(images)} images. Received: {len(ground_truth)} masks"
        )
    if names is not None and len(names) != len(images):
        raise ValueError(
            "Argument `names` should hold a name for each of the "
            f"{len(images)} images. Received: {len(names)} names"
        )

    # A place that is empty in every row gets no column.
    ranks = np.flatnonzero((classes >= 0).any(axis=0))
    headers = _headers(columns, len(ranks), ground_truth is not None)
    width = panel_width(len(headers))

    def class_panel(n, k, picture):
        index = int(classes[n, k])
        if index < 0:
            return None
        color, number = class_color(index), f"class {index}"
        shown = overlay(picture, as_mask(masks[n, ..., k], "explanation.masks"), color)
        name = of_classes.get(index, number)
        proof = kept_scores[n, k], removed_scores[n, k]
        return Panel(shown, name, float(scores[n, k]), color, number, *proof)

    rows = []
    for n, image in enumerate(images):
        picture = fit(image, width)
        kept = as_mask(target_mask[n], "explanation.target_mask")
        row = []
        for column in columns:
            if column == "image":
                row.append(Panel(picture, str(names[n]) if names else ""))
            elif column == "classes":
                row.extend(class_panel(n, k, picture) for k in ranks)
            elif column == "kept":
                row.append(Panel(apply_mask(picture, kept, _BACKGROUND)))
            elif column == "removed":
                row.append(Panel(apply_mask(picture, 1 - kept, _BACKGROUND)))
            elif ground_truth is not None:
                truth = as_mask(ground_truth[n], "ground_truth")
                row.append(Panel(overlay(picture, truth, _GROUND_TRUTH_COLOR)))
        rows.append(row)
    return panel_figure(rows, width, headers)


def _names_of(classes, class_names):
    """Returns a dict of the names of the classes that are shown, by index."""
    shown = set(classes[classes >= 0].tolist())
    if class_names is None:
        return {}
    # A client knows the names of those that it has seen.
    if isinstance(class_names, dict) and shown <= set(class_names):
        return {index: str(class_names[index]) for index in shown}
    class_names = check_class_names(class_names)
    if max(shown, default=-1) >= len(class_names):
        raise ValueError(
            f"Argument `class_names` should name every class up to {max(shown)}. "
            f"Received: {len(class_names)} names"
        )
    return dict(enumerate(class_names))


def _headers(columns, class_count, has_ground_truth):
    is_list = not isinstance(columns, str) and np.ndim(columns) == 1
    headers = []
    for column in columns if is_list and set(columns) <= set(_COLUMNS) else ():
        if column == "classes":
            headers += ["class masks", *[""] * (class_count - 1)][:class_count]
        elif column != "ground_truth" or has_ground_truth:
            headers.append(column.replace("_", " "))
    if not headers:
        raise ValueError(
            f"Argument `columns` should be some of {_COLUMNS} and leave something to "
            f"draw. Received: columns={columns!r}"
        )
    return headers


def _parts(explanation, count):
    missing = [part for part in _PARTS if not hasattr(explanation, part)]
    if missing:
        raise ValueError(
            f"Argument `explanation` should have the attributes {_PARTS}. "
            f"Received: {type(explanation).__name__} without {missing}"
        )
    parts = [as_array(getattr(explanation, part), part) for part in _PARTS]
    masks, classes, scores, target_mask = parts
    if not (
        masks.ndim == 4
        and target_mask.ndim == 3
        and len(masks) == len(target_mask) == count
        and classes.shape == scores.shape == (count, masks.shape[-1])
    ):
        shapes = {part: array.shape for part, array in zip(_PARTS, parts)}
        raise ValueError(
            "Argument `explanation` should have masks (N, h, w, k), classes and "
            f"scores (N, k) and target_mask (N, h, w) for the N={count} images. "
            f"Received: {shapes}"
        )
    return parts
