import numpy as np

from keras_explainer.visualization.class_color import class_color
from keras_explainer.visualization.overlay import MASK_COLOR
from keras_explainer.visualization.overlay import overlay
from keras_explainer.visualization.panel_figure import MAX_PANEL_WIDTH
from keras_explainer.visualization.panel_figure import Panel
from keras_explainer.visualization.panel_figure import fit
from keras_explainer.visualization.panel_figure import panel_figure
from keras_explainer.visualization.panel_figure import panel_width
from keras_explainer.visualization.pixels import as_image
from keras_explainer.visualization.pixels import as_mask

_SEAM = 3


def contact_sheet(images, masks, captions, columns=4, classes=None):
    """Draws many photographs in little space, each beside its mask.

    Args:
        images: Array (N, H, W, 3) or list of N images of any sizes, (H, W, 3),
            (H, W, 1) or (H, W), uint8 or float, 0 to 255.
        masks: Array (N, h, w) or list of N masks, float in [0, 1] or bool.
        captions: List of N strings.
        columns: int, pairs of photograph and mask in a row. Defaults to 4.
        classes: List of N int, the class of each mask, for its colour. Defaults to
            one colour for all.

    Returns:
        matplotlib Figure.

    Raises:
        ValueError: an argument has another shape, length or range.

    Example:

    ```python
    figure = kx.visualization.contact_sheet(
        images, explanation.masks[..., 0], names, classes=explanation.classes[:, 0]
    )
    kx.visualization.save_figure(figure, "sheet.png")
    ```
    """
    images = [as_image(image, "images") for image in images]
    masks = [as_mask(mask, "masks") for mask in masks]
    if not images or not len(images) == len(masks) == len(captions):
        raise ValueError(
            "Arguments `images`, `masks` and `captions` should be as many, at least "
            f"one. Received: {len(images)}, {len(masks)} and {len(captions)}"
        )
    if classes is not None and len(classes) != len(images):
        raise ValueError(
            f"Argument `classes` should be as many as the {len(images)} images. "
            f"Received: {len(classes)}"
        )
    if columns < 1:
        raise ValueError(
            f"Argument `columns` should be 1 or more. Received: columns={columns}"
        )

    columns = min(columns, len(images))
    width = panel_width(columns, max_width=2 * MAX_PANEL_WIDTH)
    half = (width - _SEAM) // 2
    # One height for most photographs keeps the rows of the sheet even.
    height = half * np.median([image.shape[0] / image.shape[1] for image in images])
    colors = [MASK_COLOR] * len(images)
    if classes is not None:
        colors = [class_color(int(index)) for index in classes]
    panels = []
    for image, mask, caption, color in zip(images, masks, captions, colors):
        picture = fit(image, half, height)
        seam = np.full((picture.shape[0], _SEAM, 3), 255, "uint8")
        pair = np.concatenate([picture, seam, overlay(picture, mask, color)], axis=1)
        panels.append(Panel(pair, str(caption)))
    rows = [panels[i : i + columns] for i in range(0, len(panels), columns)]
    return panel_figure(rows, width)
