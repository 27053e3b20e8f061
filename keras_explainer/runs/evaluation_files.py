"""The files that tell about an evaluation."""

import sys

import numpy as np

from keras_explainer.evaluation.comparison_figures import comparison_gallery
from keras_explainer.evaluation.comparison_figures import curves_figure
from keras_explainer.evaluation.comparison_figures import discrimination_figure
from keras_explainer.evaluation.comparison_table import ComparisonTable
from keras_explainer.evaluation.evaluate_methods import GALLERY_IMAGES
from keras_explainer.evaluation.evaluate_methods import one_sentence
from keras_explainer.evaluation.labelled_batches import labelled_batches
from keras_explainer.visualization import save_figure


def write_evaluation(folder, results, explainer, data, notes, seed):
    """Writes tables, and then pictures; one that fails is named in a warning.

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
    pictures = {
        "curves.png": lambda: curves_figure(results),
        "class_discrimination.png": lambda: discrimination_figure(
            results, data.class_names
        ),
        "gallery.png": lambda: _gallery(explainer, data, results),
    }
    for name, draw in pictures.items():
        try:
            figure = draw()
            if figure is not None:
                save_figure(figure, folder.file(name))
        # Hours of measuring are not lost for the sake of a picture.
        except Exception as error:
            print(f"warning: left out {name}: {one_sentence(error)}", file=sys.stderr)
    return table


def _gallery(explainer, data, results):
    """Draws the first images, with what was measured of them."""
    found = list(labelled_batches(explainer, data.dataset, GALLERY_IMAGES))
    images = np.concatenate([batch.images for batch in found])
    truth = None
    if found[0].truth is not None:
        truth = np.concatenate([batch.truth for batch in found])
    return comparison_gallery(explainer.preprocessing.restore(images), results, truth)
