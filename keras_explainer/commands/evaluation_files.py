"""The files that tell about an evaluation."""

import numpy as np

from keras_explainer.evaluation.comparison_figures import comparison_gallery
from keras_explainer.evaluation.comparison_figures import curves_figure
from keras_explainer.evaluation.comparison_figures import specificity_figure
from keras_explainer.evaluation.comparison_table import ComparisonTable
from keras_explainer.evaluation.evaluate_methods import GALLERY_IMAGES
from keras_explainer.evaluation.labelled_batches import labelled_batches
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
    images, truth = _first_images(explainer, data)
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


def _first_images(explainer, data):
    """Returns images and true masks (or None) for the gallery."""
    found = list(labelled_batches(explainer, data.dataset, GALLERY_IMAGES))
    images = np.concatenate([batch.images for batch in found])
    if found[0].truth is None:
        return images, None
    return images, np.concatenate([batch.truth for batch in found])
