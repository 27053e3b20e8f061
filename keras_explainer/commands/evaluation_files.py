"""The files that tell about an evaluation."""

import numpy as np

from keras_explainer.evaluation.comparison_figures import comparison_gallery
from keras_explainer.evaluation.comparison_figures import curves_figure
from keras_explainer.evaluation.comparison_figures import specificity_figure
from keras_explainer.evaluation.comparison_table import ComparisonTable
from keras_explainer.evaluation.evaluate_methods import GALLERY_IMAGES
from keras_explainer.visualization import save_figure


def write_evaluation(folder, results, explainer, data, notes, seed):
    """Writes tables and pictures.

    Args:
        folder: The `RunFolder`.
        results: Dict as `evaluate_methods` returns it.
        explainer: The explainer, which restores the pictures.
        data: The `EvaluationData`.
        notes: List of sentences that belong to the table.
        seed: int, of the bootstrap.

    Returns:
        The `ComparisonTable`.
    """
    table = ComparisonTable(results, seed)
    folder.write_text("table.md", table.markdown(notes))
    folder.write_text("table.csv", table.csv())
    folder.write_json(
        "results.json",
        {"notes": notes, "classes": data.class_names, "methods": table.json()},
    )
    images, truth = _first_images(data)
    pictures = explainer.preprocessing.restore(images)
    figures = {
        "curves.png": curves_figure(results),
        "class_specificity.png": specificity_figure(results, data.class_names),
        "gallery.png": comparison_gallery(pictures, results, truth),
    }
    for name, figure in figures.items():
        if figure is not None:
            save_figure(figure, folder.path / name)
    return table


def _first_images(data):
    """Returns images and true masks (or None) for the gallery."""
    parts = list(data.dataset.unbatch().take(GALLERY_IMAGES).as_numpy_iterator())
    images = np.stack([part[0] for part in parts])
    masked = len(parts[0]) > 2
    return images, np.stack([part[2] for part in parts]) if masked else None
