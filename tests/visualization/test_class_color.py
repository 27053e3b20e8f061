import numpy as np
import pytest
from PIL import ImageColor

from keras_explainer.visualization import class_color

# Machado, Oliveira & Fernandes (2009), full severity, in linear RGB.
DEFICIENCIES = {
    "protan": [
        [0.152286, 1.052583, -0.204868],
        [0.114503, 0.786281, 0.099216],
        [-0.003882, -0.048116, 1.051998],
    ],
    "deutan": [
        [0.367322, 0.860646, -0.227968],
        [0.280085, 0.672501, 0.047413],
        [-0.011820, 0.042940, 0.968881],
    ],
}


def linear(color):
    srgb = np.array(ImageColor.getrgb(color)) / 255
    return np.where(srgb <= 0.04045, srgb / 12.92, ((srgb + 0.055) / 1.055) ** 2.4)


def lab(rgb):
    matrix = [
        [0.4124564, 0.3575761, 0.1804375],
        [0.2126729, 0.7151522, 0.0721750],
        [0.0193339, 0.1191920, 0.9503041],
    ]
    x, y, z = np.cbrt(np.dot(matrix, np.clip(rgb, 0, 1)) / [0.95047, 1, 1.08883])
    return np.array([116 * y - 16, 500 * (x - y), 200 * (y - z)])


def test_a_class_keeps_its_color():
    assert class_color(0) == "#E69F00"
    assert class_color(7) == "#87005A"
    assert class_color(263) == class_color(7)
    assert len({class_color(i) for i in range(263)}) == 263


@pytest.mark.parametrize("count, distance", [(8, 25), (12, 20), (20, 20), (40, 15)])
def test_many_classes_have_colors_that_stay_apart(count, distance):
    """Two units are just seen side by side."""
    seen = [lab(linear(class_color(i))) for i in range(count)]
    apart = [np.linalg.norm(a - b) for i, a in enumerate(seen) for b in seen[:i]]
    assert min(apart) > distance
    # Neither lost in the dark nor in the light of a photograph.
    assert all(25 < color[0] < 95 for color in seen)


@pytest.mark.parametrize("deficiency", DEFICIENCIES)
def test_colors_stay_apart_under_color_vision_deficiencies(deficiency):
    seen = [
        lab(np.dot(DEFICIENCIES[deficiency], linear(class_color(i)))) for i in range(7)
    ]
    apart = [np.linalg.norm(a - b) for i, a in enumerate(seen) for b in seen[:i]]
    assert min(apart) > 10


def test_negative_index_is_refused():
    with pytest.raises(ValueError, match="`index` should be 0 or more. Received: .*-1"):
        class_color(-1)
