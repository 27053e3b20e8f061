"""The pictures of a comparison, from values made by hand."""

import numpy as np
import pytest

from keras_explainer.evaluation import METHOD_ROWS
from keras_explainer.evaluation import MethodResult
from keras_explainer.evaluation.comparison_figures import comparison_gallery
from keras_explainer.evaluation.comparison_figures import curves_figure
from keras_explainer.evaluation.comparison_figures import discrimination_figure
from keras_explainer.evaluation.comparison_table import ComparisonTable


def results():
    kept = np.full((2, 2, 2), np.nan, "float32")
    kept[:, 0] = [[0.8, 0.2], [0.4, 0.0]]
    values = {
        "seconds": np.array([0.5, 0.7]),
        "passes": np.array([1.0, 2.0]),
        "iou_curve": np.linspace(0, 1, 18).reshape(2, 9),
        "discrimination_matrix": kept,
        "own_class": kept[:, 0, 0],
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


def many_results(methods, controls, monkeypatch, classes=3):
    """Results of as many methods and controls, each with all that can be drawn."""
    random = np.random.default_rng(0)
    found = {}
    for number in range(methods + controls):
        kind = "method" if number < methods else "control"
        name = f"{kind}_{number}"
        row = METHOD_ROWS["one"]._replace(label=f"The {name}", kind=kind)
        monkeypatch.setitem(METHOD_ROWS, name, row)
        curve = random.uniform(size=(2, 9))
        values = {
            "seconds": np.ones(2),
            "iou_curve": curve,
            "insertion_curve": curve.copy(),
            "deletion_curve": curve,
            "discrimination_matrix": random.uniform(size=(2, classes, classes)).astype(
                "float32"
            ),
            "own_class": np.ones(2),
            "gallery": np.full((2, 4, 4), 255, "uint8"),
        }
        found[name] = MethodResult(name, values)
    return found


@pytest.mark.slow
@pytest.mark.parametrize("count", [1, 8, 9, 12, 20])
def test_any_number_of_methods(monkeypatch, count):
    found = many_results(count, count, monkeypatch)
    figure = curves_figure(found)
    figure.draw_without_rendering()
    for axis in figure.axes:
        looks = [
            (line.get_color(), line.get_linewidth(), str(line._unscaled_dash_pattern))
            for line in axis.lines
        ]
        assert len(set(looks)) == len(looks) == 2 * count
    legend = figure.legends[0]
    shown = [text.get_text() for text in legend.get_texts()]
    assert shown == [METHOD_ROWS[name].label for name in found]
    # All of the legend is on the figure.
    box = legend.get_window_extent()
    assert box.y0 >= 0 and box.y1 <= figure.bbox.height

    matrices = discrimination_figure(found, ["cat", "dog", "cow"])
    titles = [axis.get_title(loc="left") for axis in matrices.axes if axis.images]
    assert len(set(titles) - {""}) == count
    gallery = comparison_gallery(np.full((2, 4, 4, 3), 100.0), found)
    heads = [text.get_text() for text in gallery.texts]
    assert heads == ["image", *(f"The method_{i}" for i in range(count))]
    assert len(gallery.axes) == 2 * (count + 1)


@pytest.mark.parametrize("classes", [1, 8, 9, 12, 20])
def test_any_number_of_classes(monkeypatch, classes):
    found = many_results(2, 1, monkeypatch, classes)
    names = [f"class {i}" for i in range(classes)]
    figure = discrimination_figure(found, names)
    matrix = figure.axes[0]
    assert len(matrix.texts) == classes**2
    assert [text.get_text() for text in matrix.get_yticklabels()] == names


@pytest.mark.filterwarnings("error", "ignore:No font that is installed")
def test_names_of_classes_are_no_formulas(monkeypatch):
    found = many_results(1, 0, monkeypatch, 4)
    names = {"$\\frac$": 0, "tabby\ncat": 1, "x" * 99: 2, "50 % $ a_b": 3}
    figure = discrimination_figure(found, names)
    figure.draw_without_rendering()
    shown = [text.get_text() for text in figure.axes[0].get_xticklabels()]
    assert shown == ["$\\frac$", "tabby cat", "x" * 23 + "\u2026", "50 % $ a_b"]


def test_all_methods_of_the_command(monkeypatch):
    found = many_results(1, 0, monkeypatch)["method_0"]
    named = {name: MethodResult(name, found.values) for name in METHOD_ROWS}
    looks = {
        (line.get_color(), str(line._unscaled_dash_pattern))
        for line in curves_figure(named).axes[0].lines
    }
    assert len(looks) == len(METHOD_ROWS)


def test_a_method_that_is_in_some_curves_only(monkeypatch):
    found = many_results(3, 0, monkeypatch)
    found["method_1"].values["insertion_curve"][:] = np.nan
    legend = curves_figure(found).legends[0]
    shown = [text.get_text() for text in legend.get_texts()]
    assert shown == ["The method_0", "The method_1", "The method_2"]


def test_nothing_kept_of_any_class(monkeypatch):
    found = many_results(2, 0, monkeypatch)
    for result in found.values():
        result.values["discrimination_matrix"][:] = 0
    figure = discrimination_figure(found, ["cat", "dog", "cow"])
    figure.draw_without_rendering()
    assert {text.get_text() for text in figure.axes[0].texts} == {"0"}


def test_matrices_are_means_over_images():
    figure = discrimination_figure(results(), ["cat", "dog"])
    first, second = figure.axes[:2]
    assert first.get_title(loc="left") == "Grad-CAM, 2 images"
    assert second.get_title(loc="left") == "RISE, 1 image"
    assert [text.get_text() for text in first.texts] == ["60", "10"]
    assert [text.get_text() for text in second.texts] == ["80", "20"]
    assert discrimination_figure({"one": MethodResult("one")}, ["cat"]) is None


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
