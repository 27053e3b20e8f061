from keras_explainer.inputs.check_class_names import check_class_names
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


def class_grid(
    image,
    masks,
    class_names,
    probabilities,
    columns=5,
    classes=None,
    kept_scores=None,
    removed_scores=None,
):
    """Draws one photograph and beside it the mask of every class.

    Args:
        image: Array (H, W, 3), (H, W, 1) or (H, W), uint8 or float, 0 to 255.
        masks: Array (h, w, k), float in [0, 1] or bool, a mask for each class.
        class_names: List of k strings.
        probabilities: Array (k,), shown after the names.
        columns: int, panels in a row. Defaults to 5.
        classes: Array (k,), int, the class of each mask, which keeps its colour in
            every picture. Defaults to 0, 1, 2 and so on.
        kept_scores: Array (k,), the probability of each class from its mask alone,
            shown as "alone"; with `removed_scores`, or None.
        removed_scores: Array (k,), the same without the mask, shown as "without".

    Returns:
        matplotlib Figure.

    Raises:
        ValueError: an argument has another shape, length or range.

    Example:

    ```python
    figure = kx.visualization.class_grid(
        image,
        explanation.masks[0],
        [names[index] for index in explanation.classes[0]],
        explanation.scores[0],
        classes=explanation.classes[0],
    )
    kx.visualization.save_figure(figure, "classes.png")
    ```
    """
    image = as_image(image)
    masks = as_array(masks, "masks")
    if masks.ndim != 3 or masks.shape[-1] == 0:
        raise ValueError(
            "Argument `masks` should have shape (h, w, k), k at least 1. "
            f"Received: masks.shape={masks.shape}"
        )
    count = masks.shape[-1]
    probabilities = as_array(probabilities, "probabilities")
    class_names = check_class_names(class_names)
    if len(class_names) != count:
        raise ValueError(
            f"Argument `class_names` should name the {count} masks. "
            f"Received: {len(class_names)} names"
        )
    classes = as_array(range(count) if classes is None else classes, "classes")
    if classes.shape != (count,):
        raise ValueError(
            f"Argument `classes` should have shape ({count},), one for each mask. "
            f"Received: classes.shape={classes.shape}"
        )
    if probabilities.shape != (count,):
        raise ValueError(
            f"Argument `probabilities` should have shape ({count},), one for each "
            f"mask. Received: probabilities.shape={probabilities.shape}"
        )
    kept_scores, removed_scores = kept_and_removed(
        kept_scores, removed_scores, probabilities.shape
    )
    if columns < 1:
        raise ValueError(
            f"Argument `columns` should be 1 or more. Received: columns={columns}"
        )

    columns = min(columns, count + 1)
    width = panel_width(columns)
    picture = fit(image, width)
    panels = [Panel(picture, "image")]
    for k in range(count):
        index = int(classes[k])
        color = class_color(index)
        shown = overlay(picture, as_mask(masks[..., k], "masks"), color)
        name, score = class_names[k], float(probabilities[k])
        proof = kept_scores[k], removed_scores[k]
        panels.append(Panel(shown, name, score, color, f"class {index}", *proof))
    rows = [panels[i : i + columns] for i in range(0, len(panels), columns)]
    return panel_figure(rows, width)
