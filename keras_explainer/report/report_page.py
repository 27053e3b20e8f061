"""The report of a run as one HTML page."""

import pathlib
from html import escape

import numpy as np
from PIL import Image

from keras_explainer.report.html_page import embedded_json
from keras_explainer.report.html_page import fill_template
from keras_explainer.report.html_page import mask_uri
from keras_explainer.report.html_page import picture_uri
from keras_explainer.report.metrics_table import metrics_table
from keras_explainer.report.training_curves import training_curves
from keras_explainer.visualization import class_color

# Pixels of the longer side, in the page.
_PICTURE_SIDE, _MASK_SIDE = 480, 256
_TEMPLATE = pathlib.Path(__file__).with_name("page.html")


def report_page(title, config, rows, metrics, pictures, verdict):
    """Writes the report of a run.

    Args:
        title: String, the name of the run.
        config: Dict of JSON values, the settings of the run.
        rows: List of dicts of numbers, one for each epoch.
        metrics: Dict of numbers, or dict of such dicts, one for each method.
        pictures: List of dicts as `report_picture` returns them.
        verdict: String, what the masks of the pictures prove.

    Returns:
        String, an HTML page that needs no other file and no network.
    """
    settings = {k: v for k, v in config.items() if k != "force" and v is not None}
    return fill_template(
        _TEMPLATE,
        title=escape(title),
        settings=" ".join(
            f"<span>{escape(key.replace('_', ' '))} <b>{escape(str(value))}</b></span>"
            for key, value in settings.items()
        ),
        curves=training_curves(rows) or "<p>There is no history of a training.</p>",
        figures=metrics_table(metrics),
        verdict=escape(verdict),
        pictures=embedded_json(pictures),
    )


def report_picture(
    name, picture, masks, classes, scores, kept_scores, removed_scores, class_names
):
    """Collects what the page shows of a picture.

    Args:
        name: String.
        picture: RGB `PIL.Image`.
        masks: Array (h, w, k) in [0, 1], also for a picture of other proportions.
        classes: Array (k,) of class indices; -1 where there is none.
        scores: Array (k,), the probabilities.
        kept_scores: Array (k,), those from each mask alone.
        removed_scores: Array (k,), those without each mask.
        class_names: List of the names of all classes.

    Returns:
        Dict of JSON values, the picture and its masks embedded.
    """
    shown = picture.copy()
    shown.thumbnail((_PICTURE_SIDE, _PICTURE_SIDE))
    return {
        "name": name,
        "picture": picture_uri(np.asarray(shown)),
        "classes": [
            {
                "name": class_names[index],
                "probability": round(float(scores[k]), 4),
                "kept": round(float(kept_scores[k]), 4),
                "removed": round(float(removed_scores[k]), 4),
                "color": class_color(int(index)),
                "mask": mask_uri(_small(masks[..., k])),
            }
            for k, index in enumerate(classes)
            if index >= 0
        ],
    }


def _small(mask):
    image = Image.fromarray(np.asarray(mask, "float32"))
    image.thumbnail((_MASK_SIDE, _MASK_SIDE), Image.Resampling.BILINEAR)
    return np.asarray(image)
