import gc
import itertools
import pathlib
import weakref

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_explainer.datasets import SHAPES_CLASSES
from keras_explainer.datasets import drawing
from keras_explainer.datasets import shapes
from keras_explainer.datasets.shapes import VISIBLE_SHARE
from keras_explainer.datasets.shapes import draw_example
from keras_explainer.datasets.shapes import place_shape


def to_arrays(ds):
    """All examples of a batched dataset, as one array for each component."""
    return [np.concatenate(parts) for parts in zip(*ds.as_numpy_iterator())]


def test_elements():
    ds = shapes(5, image_size=(48, 64), batch_size=2, masks=True)
    assert ds.class_names == SHAPES_CLASSES
    assert ds.cardinality() == 3
    assert ds.element_spec == (
        tf.TensorSpec((None, 48, 64, 3), tf.float32),
        tf.TensorSpec((None, 8), tf.float32),
        tf.TensorSpec((None, 48, 64), tf.uint8),
    )
    images, labels, masks = to_arrays(ds)
    assert images.shape == (5, 48, 64, 3)
    assert 0 <= images.min() < 50 and 200 < images.max() <= 255
    assert len(shapes(5, image_size=48).element_spec) == 2


def test_labels_are_the_classes_in_the_mask():
    _, labels, masks = to_arrays(shapes(40, image_size=64, masks=True))
    for row, mask in zip(labels, masks):
        np.testing.assert_array_equal(np.flatnonzero(row) + 1, np.unique(mask)[1:])
    assert labels.sum(0).min() > 0
    assert 1 <= labels.sum(1).min() and labels.sum(1).max() == 4


def test_number_of_objects():
    _, labels, _ = to_arrays(shapes(20, image_size=48, objects=(1, 1), masks=True))
    np.testing.assert_array_equal(labels.sum(1), 1)


def test_examples_depend_on_seed_and_index_only():
    options = {"image_size": 48, "masks": True, "seed": 3}
    fixed = shapes(9, batch_size=4, **options)
    first, again = to_arrays(fixed), to_arrays(fixed)
    single = shapes(batch_size=None, **options).take(9)
    endless = [np.stack(parts) for parts in zip(*single.as_numpy_iterator())]
    for a, b, c in zip(first, again, endless):
        np.testing.assert_array_equal(a, b)
        np.testing.assert_array_equal(a, c)
    assert shapes(image_size=48).cardinality() == tf.data.INFINITE_CARDINALITY


def test_seeds_have_no_example_in_common():
    zero, one = (to_arrays(shapes(20, image_size=48, seed=s))[0] for s in (0, 1))
    assert not any(np.array_equal(a, b) for a, b in itertools.product(zero, one))


def test_fixed_set_is_drawn_once(monkeypatch):
    drawn = []
    background = drawing.draw_background
    monkeypatch.setattr(
        drawing, "draw_background", lambda *a: drawn.append(1) or background(*a)
    )
    ds = shapes(6, image_size=32, batch_size=2)
    for _ in range(3):
        list(ds)
    assert len(drawn) == 6


def test_memory_goes_with_the_dataset():
    ds = shapes(2, image_size=32)
    derived = ds.map(lambda image, labels: labels)
    load = weakref.ref(ds.load)
    del ds
    assert len(list(derived)) == 1
    del derived
    gc.collect()
    assert load() is None


@pytest.mark.parametrize("batch_size", [None, 2])
def test_preprocess_input(batch_size):
    options = {"image_size": 32, "batch_size": batch_size, "masks": True}
    raw = next(iter(shapes(2, **options)))
    changed = next(iter(shapes(2, preprocess_input=lambda x: x / 2 - 1, **options)))
    np.testing.assert_allclose(changed[0], raw[0] / 2 - 1)
    np.testing.assert_array_equal(changed[2], raw[2])


def test_distances():
    distances = {
        "circle": {(0, 0): -0.88, (1.88, 0): 1},
        "crescent": {(-0.7, 0): -0.3, (0.36, 0): 0.68},
        "cross": {(0, 0.94): 0, (0.94, 0): 0, (0.5, 0.5): 0.22},
        "heart": {(0, 0.9): 0.0, (0.42, -0.3): -0.48, (0, -0.6): 0.036},
        "ring": {(0, 0): 0.48, (0.72, 0): -0.24, (0, 0.96): 0},
        "square": {(0.69, 0.69): 0, (0.69, 0): 0, (0, 1.69): 1},
        "star": {(0, -0.98): 0, (0, 0.42): 0, (0, 0.9): 0.403},
        "triangle": {(0, -0.96): 0, (0, 0.48): 0, (0, 0): -0.48},
    }
    assert list(distances) == SHAPES_CLASSES
    for name, values in distances.items():
        for point, distance in values.items():
            found = drawing.SHAPES[name](*np.float32(point))
            np.testing.assert_allclose(found, distance, atol=0.02, err_msg=name)


@pytest.mark.parametrize("name", SHAPES_CLASSES)
def test_shape_lies_in_the_unit_circle(name):
    x, y = np.meshgrid(*[np.linspace(-1.2, 1.2, 241)] * 2)
    inside = drawing.SHAPES[name](x, y) <= 0
    assert np.all(np.hypot(x, y)[inside] <= 1.0)
    assert 0.2 < inside.mean() * 2.4**2 / np.pi < 0.8


def test_blend_is_half_way_on_the_edge():
    image = np.full((3, 1, 4), 100.0)
    drawing.blend(image, np.array([[-1, 0, 0.25, 1]]), np.full((3, 1, 1), 200.0))
    np.testing.assert_allclose(image[0], [[200, 150, 125, 100]])


def test_mask_is_exact(monkeypatch):
    """White objects on black: a pixel is in the mask if it is at least half white."""
    monkeypatch.setattr(drawing, "draw_background", lambda _, s: np.zeros((3, *s)))
    monkeypatch.setattr(
        drawing, "paint", lambda _, image, x, y, d, r: drawing.blend(image, d, 255.0)
    )
    for index in range(10):
        image, _, mask = draw_example(index, size=(64, 64), objects=(1, 1))
        np.testing.assert_array_equal(mask > 0, image[..., 0] >= 128)


def test_earlier_objects_stay_visible():
    layers = np.zeros((64, 64), "int64")
    layers[20:40, 20:40] = 1
    for seed in range(60):
        rng = np.random.default_rng(seed)
        place, _, _, distance, _ = place_shape(rng, "circle", layers, [0, 400])
        hidden = np.count_nonzero(layers[place][distance <= 0])
        assert hidden <= 400 * (1 - VISIBLE_SHARE)


def test_no_place_is_found_in_a_full_picture():
    layers = np.arange(1, 257).reshape(16, 16).repeat(4, 0).repeat(4, 1)
    rng = np.random.default_rng(0)
    assert place_shape(rng, "square", layers, [0] + [16] * 256) is None


@pytest.mark.slow
def test_shipped_classifier_knows_the_shapes():
    """Drawing in another way asks for another training of the shipped model."""
    path = pathlib.Path(__file__).parents[2] / "saved_models/shapes_classifier.keras"
    preprocess_input = keras.applications.mobilenet.preprocess_input
    images, labels = to_arrays(shapes(96, preprocess_input=preprocess_input))
    scores = keras.saving.load_model(path).predict(images, verbose=0)
    assert np.mean((scores > 0.5) == labels) > 0.94


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"num_examples": 0}, "`num_examples`.*Received: num_examples=0"),
        ({"objects": (0, 2)}, r"`objects`.*Received: objects=\(0, 2\)"),
        ({"objects": (3, 2)}, r"`objects`.*Received: objects=\(3, 2\)"),
        ({"image_size": 0}, "`image_size`.*Received: image_size=0"),
        ({"image_size": (8, 8, 3)}, r"`image_size`.*Received: image_size=\(8, 8, 3\)"),
        ({"seed": -1}, "`seed`.*Received: seed=-1"),
    ],
)
def test_errors(options, message):
    with pytest.raises(ValueError, match=message):
        shapes(**options)
