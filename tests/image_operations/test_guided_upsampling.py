import numpy as np
import pytest
import tensorflow as tf
from conftest import tiny_classifier
from explainer_kinds import every_kind

import keras_explainer
from keras_explainer.image_operations import guided_upsampling as room
from keras_explainer.image_operations.dense_crf import dense_crf
from keras_explainer.image_operations.guided_upsampling import guided_upsampling
from keras_explainer.image_operations.resize import resize_area


def picture(size=32, channels=3, seed=0):
    return np.random.default_rng(seed).normal(size=(2, size, size, channels))


@pytest.mark.parametrize("cells", [32, 14, 8])
def test_equal_logits_stay_what_they_are(cells):
    enlarged = guided_upsampling(np.full((2, cells, cells, 2), 2.0), picture())
    np.testing.assert_allclose(enlarged, 2.0, atol=0.01)


@pytest.mark.parametrize(
    ("cells", "bound"), [(32, 6), (14, 6 * 11 / 5), (8, 6 * 11 / 5)]
)
def test_certain_cells_weigh_less_in_wider_windows(cells, bound):
    enlarged = guided_upsampling(np.full((1, cells, cells, 1), 1e3), picture()[:1])
    np.testing.assert_allclose(enlarged, bound, rtol=1e-4)


def test_logits_linear_in_the_image_become_so_in_every_pixel(monkeypatch):
    monkeypatch.setattr(room, "_NOISE", 1e-6)
    images = picture(48)
    slopes = np.array([0.02, -0.03, 0.01])
    cells = images.reshape(2, 12, 4, 12, 4, 3).mean((2, 4))
    enlarged = guided_upsampling((cells @ slopes)[..., None], images)
    np.testing.assert_allclose(enlarged[..., 0], images @ slopes, atol=2e-3)


def test_a_mask_ends_at_the_edge_that_its_grid_cannot_show():
    images = np.zeros((1, 32, 32, 1))
    images[:, :, 13:] = 1  # within a cell of four pixels
    logits = np.where(np.arange(8) < 3, -3.0, 3.0)[None, None, :, None]
    enlarged = guided_upsampling(np.repeat(logits, 8, 1), images)[0, ..., 0].numpy()
    assert ((enlarged > 0) == (np.arange(32) >= 13)).all()


@pytest.mark.parametrize("cell", [8, 16])
def test_texture_finer_than_cells_leaves_no_holes(cell):
    rows, columns = np.indices((12 * cell, 12 * cell))
    edge = 5 * cell + cell // 2
    texture = 0.6 * (-1.0) ** (rows + columns)
    images = ((columns >= edge) + texture)[None, ..., None]
    logits = np.where(np.arange(12) < 5, -3.0, 3.0)[None, None, :, None]
    enlarged = guided_upsampling(np.repeat(logits, 12, 1), images)[0, ..., 0].numpy()
    away = abs(columns + 0.5 - edge) > cell / 4
    assert ((enlarged > 0) == (columns >= edge))[away].all()


def test_on_an_even_image_logits_stay_as_they_are():
    logits = np.random.default_rng(1).normal(size=(1, 12, 12, 1))
    enlarged = guided_upsampling(logits, np.ones((1, 24, 24, 3))).numpy()
    np.testing.assert_allclose(enlarged, tf.image.resize(logits, (24, 24)), atol=0.01)


@pytest.mark.parametrize("scale, shift", [(1 / 255, 0), (2 / 255, -1), (1, 40)])
def test_the_range_of_the_image_does_not_matter(scale, shift):
    images = 255 * np.random.default_rng(2).random((1, 32, 32, 3))
    logits = np.random.default_rng(3).normal(size=(1, 8, 8, 2))
    np.testing.assert_allclose(
        guided_upsampling(logits, scale * images + shift),
        guided_upsampling(logits, images),
        atol=2e-3,
    )


@pytest.mark.parametrize("channels", [1, 3, 5])
def test_the_elimination_solves(channels):
    rng = np.random.default_rng(channels)
    root = rng.normal(size=(4, channels, channels))
    matrix = root @ root.transpose(0, 2, 1) + 0.1 * np.eye(channels)
    values = rng.normal(size=(4, channels, 2))
    rows = lambda a: [tf.constant(a[:, c]) for c in range(channels)]  # noqa: E731
    solved = np.stack(room._solve(rows(matrix), rows(values)), axis=1)
    np.testing.assert_allclose(solved, np.linalg.solve(matrix, values), atol=1e-8)


def test_a_narrow_grid_has_a_narrow_window():
    assert [room._window(length) for length in (4, 7, 14, 28, 56, None)] == [
        1,
        3,
        5,
        9,
        11,
        11,
    ]


def test_sizes_may_be_open():
    traced = tf.function(
        guided_upsampling,
        input_signature=[
            tf.TensorSpec((None, None, None, None)),
            tf.TensorSpec((None, None, None, 3)),
        ],
    )
    logits, images = np.random.default_rng(4).normal(size=(2, 8, 8, 2)), picture(32)
    assert traced(logits, images).shape == (2, 32, 32, 2)


def test_an_image_alone_gives_the_logits_that_it_gives_in_a_batch():
    logits = np.random.default_rng(5).normal(size=(2, 8, 8, 2))
    images = picture() * np.array([1, 9])[:, None, None, None]
    both = guided_upsampling(logits, images)
    np.testing.assert_allclose(
        guided_upsampling(logits[1:], images[1:])[0], both[1], atol=1e-5
    )


def test_averaged_to_takes_the_means_of_cells():
    maps = np.arange(16.0).reshape(1, 4, 4, 1)
    np.testing.assert_allclose(
        resize_area(maps, (2, 2))[0, ..., 0], [[2.5, 4.5], [10.5, 12.5]]
    )


@every_kind
def test_explain_follows_colours_and_edges_if_told_to(make, tmp_path):
    classifier = tiny_classifier()
    images = picture(classifier.input_shape[1]).astype("float32")
    guided = make(classifier, upsampling="guided")
    plain = make(classifier, upsampling="bilinear")
    plain.set_weights(guided.get_weights())
    read = guided.classifier_outputs(images)
    everything = np.arange(guided.frozen.num_classes)[None].repeat(2, 0)
    logits = guided.class_logits(images, read, everything)
    fall = guided.fall(read, everything)
    asked = np.ones_like(everything)
    along_edges = guided_upsampling(dense_crf(logits, images), images)
    along_edges = tf.sigmoid(along_edges + fall)
    np.testing.assert_allclose(
        guided.explain(images, asked).masks, along_edges, atol=1e-5
    )
    np.testing.assert_allclose(
        plain.explain(images, asked).masks,
        tf.sigmoid(tf.image.resize(logits, images.shape[1:3]) + fall),
        atol=1e-5,
    )
    guided.save(tmp_path / "guided.keras")
    reloaded = keras_explainer.load(tmp_path / "guided.keras")
    np.testing.assert_allclose(
        reloaded.explain(images, asked).masks, along_edges, atol=1e-5
    )
    assert plain.get_config()["upsampling"] == "bilinear"


@every_kind
def test_an_unknown_upsampling_is_refused(make):
    with pytest.raises(ValueError, match="`upsampling` should be .*Received: 'cubic'"):
        make(tiny_classifier(), upsampling="cubic")
