"""The pictures of a comparison, from values made by hand."""

import numpy as np

from keras_explainer.evaluation import MethodResult
from keras_explainer.evaluation.comparison_figures import comparison_gallery
from keras_explainer.evaluation.comparison_figures import curves_figure
from keras_explainer.evaluation.comparison_figures import specificity_figure
from keras_explainer.evaluation.comparison_table import ComparisonTable


def results():
    kept = np.full((2, 2, 2), np.nan, "float32")
    kept[:, 0] = [[0.8, 0.2], [0.4, 0.0]]
    values = {
        "seconds": np.array([0.5, 0.7]),
        "passes": np.array([1.0, 2.0]),
        "iou_curve": np.linspace(0, 1, 18).reshape(2, 9),
        "kept": kept,
        "own": kept[:, 0, 0],
        "gallery": np.full((2, 8, 8), 255, "uint8"),
    }
    first = {name: array[:1] for name, array in values.items()}
    return {
        "grad_cam": MethodResult("grad_cam", values),
        "rise": MethodResult("rise", first),
        "explainer": MethodResult("explainer", failure="No luck"),
    }


def test_curves_say_who_has_fewer_images():
    figure = curves_figure(results())
    assert [axis.get_title(loc="left") for axis in figure.axes] == ["IoU"]
    labels = [text.get_text() for text in figure.legends[0].get_texts()]
    assert labels == ["Grad-CAM", "RISE (1 image)"]
    line = figure.axes[0].lines[0]
    np.testing.assert_allclose(line.get_xdata(), np.arange(1, 10) / 10)
    np.testing.assert_allclose(line.get_ydata(), (np.arange(9) + 4.5) / 17)
    assert curves_figure({"one": MethodResult("one", failure="No")}) is None


def test_matrices_are_means_over_images():
    figure = specificity_figure(results(), ["cat", "dog"])
    first, second = figure.axes[:2]
    assert first.get_title(loc="left") == "Grad-CAM, 2 images"
    assert second.get_title(loc="left") == "RISE, 1 image"
    assert [text.get_text() for text in first.texts] == ["60", "10"]
    assert [text.get_text() for text in second.texts] == ["80", "20"]
    assert specificity_figure({"one": MethodResult("one")}, ["cat"]) is None


def test_gallery_leaves_places_empty():
    pictures = np.full((2, 8, 8, 3), 100.0)
    figure = comparison_gallery(pictures, results(), np.ones((2, 8, 8)))
    # Three of the first row's places and two of the second's, beside the truth.
    assert len(figure.axes) == 2 * 2 + 2 + 1
    heads = [text.get_text() for text in figure.texts]
    assert heads == ["image", "ground truth", "Grad-CAM", "RISE"]


def test_table_tells_cost():
    lines = ComparisonTable(results()).markdown().splitlines()
    assert lines[2] == "| Grad-CAM | 2 | 1.5 | 0.6 |"
    assert lines[3] == "| RISE | 1 | 1.0 | 0.5 |"
    assert lines[-1] == "Explainer failed: No luck"
