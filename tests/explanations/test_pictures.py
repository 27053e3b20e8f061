"""From a photograph to a picture of its masks, in Python."""

import pickle

import numpy as np
import pytest
import tensorflow as tf
import trained
from conftest import tiny_classifier
from PIL import Image

import keras_explainer as kx
from keras_explainer.files.given_pictures import picture_levels
from keras_explainer.loading.pictures import explainer_input
from keras_explainer.loading.pictures import read_pictures


@pytest.fixture
def explainer(trained_explainer):
    explainer = trained_explainer()
    explainer.preprocess_input, explainer.class_names = "0..1", trained.NAMES
    return explainer


@pytest.fixture
def files(tmp_path):
    """Two pictures of patches in files, larger than the classifier takes."""
    images, _, truth = trained.patches(2, seed=3)
    for name, image in zip(("b.png", "a.png"), images):
        picture = Image.fromarray((image * 255).astype("uint8"))
        picture.resize((96, 64)).save(tmp_path / name)
    return [tmp_path / "b.png", tmp_path / "a.png"], truth


def test_files_and_pictures_are_what_the_command_line_reads(explainer, files):
    paths, _ = files
    read = [picture for _, picture in read_pictures(paths)]
    expected = explainer.explain(explainer_input(read, explainer))
    for given in (paths, [str(p) for p in paths], tuple(map(Image.open, paths))):
        found = explainer.explain(given)
        for part, same in zip(found, expected):
            if same is not None:
                np.testing.assert_array_equal(part, same)
        assert found.names == ["b.png", "a.png"]
        assert [p.size for p in found.pictures] == [(96, 64)] * 2
    in_folder = explainer.explain(paths[0].parent)
    np.testing.assert_array_equal(in_folder.masks, expected.masks[::-1])
    one = explainer.explain(str(paths[1]), targets=[2])
    assert one.masks.shape == (1, 32, 32, 1) and one.names == ["a.png"]


def test_masks_of_files_lie_on_the_patches(explainer, files):
    paths, truth = files
    found = explainer.explain(paths, top_k=1)
    for n, label in enumerate(found.classes[:, 0]):
        share = trained.share_on_own_patch(found.masks[n, ..., 0], truth[n, ..., label])
        assert share > 0.7


def test_attribution_methods_take_files(explainer, files):
    paths, _ = files
    method = kx.attribution.GradCAM(explainer.classifier)
    method.preprocessing = explainer.preprocessing
    read = [picture for _, picture in read_pictures(paths)]
    expected = method.explain(explainer_input(read, explainer))
    np.testing.assert_array_equal(method.explain(paths), expected)
    assert expected.max() == 1
    occlusion = kx.attribution.RISE(lambda images: images[:, 0, 0])
    with pytest.raises(ValueError, match="should be an array, since a classifier that"):
        occlusion.explain(paths)


def test_a_grey_classifier_sees_grey_pictures(files):
    explainer = kx.ExplainerModel(tiny_classifier(channels=1), preprocess_input="0..1")
    grey = np.asarray(Image.open(files[0][0]).resize((32, 32)).convert("L")) / 255.0
    found = explainer.explain(files[0][0]).probabilities
    expected = explainer.explain(grey[None, ..., None].astype("float32")).probabilities
    np.testing.assert_allclose(found, expected, atol=0.02)


@pytest.mark.parametrize("kind", ["missing", "broken", "empty folder", "mixed"])
def test_pictures_that_cannot_be_read(explainer, files, tmp_path, kind):
    (tmp_path / "empty").mkdir()
    (tmp_path / "broken.jpg").write_bytes(b"no picture")
    given, named = {
        "missing": ("gone.jpg", "gone.jpg: No such file"),
        "broken": (tmp_path / "broken.jpg", "broken.jpg: cannot identify"),
        "empty folder": (tmp_path / "empty", "empty, a folder without pictures"),
        "mixed": ([files[0][0], "gone.jpg"], "gone.jpg: No such file"),
    }[kind]
    with pytest.raises(ValueError, match=f"Argument `images` should .*{named}"):
        explainer.explain(given)


def test_pictures_need_a_known_preprocessing_and_size(files):
    explainer = kx.ExplainerModel(tiny_classifier())
    with pytest.raises(ValueError, match="Argument `preprocess_input` should be"):
        explainer.explain(files[0][0])
    with pytest.raises(ValueError, match="Argument `images` should be an array, since"):
        picture_levels([Image.open(files[0][0])], (None, None))


# === What is shown ===


def test_arrays_are_shown_as_they_were_before_preprocessing(explainer):
    images, _, _ = trained.patches(3)
    found = explainer.explain(images)
    assert found.pictures.dtype == "uint8" and found.names is None
    np.testing.assert_allclose(found.pictures, images * 255, atol=0.51)
    batches = tf.data.Dataset.from_tensor_slices(images).batch(2)
    of_batches = explainer.explain(batches)
    np.testing.assert_array_equal(of_batches.pictures, found.pictures)
    tensors = explainer.explain(tf.constant(images))
    np.testing.assert_array_equal(tensors.pictures, found.pictures)
    assert tf.is_tensor(tensors.masks)


def test_show_draws_the_pictures_with_their_names(explainer, files, tmp_path):
    found = explainer.explain(files[0], top_k=2, verify=True)
    figure = found.show(tmp_path / "explained.png")
    texts = [text.get_text() for text in figure.texts]
    assert {"b.png", "a.png"} <= set(texts)
    assert any(text.startswith(tuple(trained.NAMES)) for text in texts)
    assert Image.open(tmp_path / "explained.png").width > 500
    assert figure._repr_png_()[1:4] == b"PNG"
    few = [text.get_text() for text in found.show(limit=1).texts]
    assert "b.png" in few and "a.png" not in few


def test_parts_alone_do_not_know_their_pictures(explainer):
    found = explainer.explain(trained.patches(2)[0])
    alone = kx.Explanation(*found)
    assert alone.pictures is None and len(alone) == len(found) == 8
    with pytest.raises(ValueError, match="gallery.*Received: one that was put togeth"):
        alone.show()
    masks, classes, *_ = found
    np.testing.assert_array_equal(masks, found.masks)
    assert found._replace(masks=None).masks is None


def test_an_explanation_is_pickled_with_its_pictures(explainer, files):
    found = explainer.explain(files[0])
    again = pickle.loads(pickle.dumps(found))
    np.testing.assert_array_equal(again.masks, found.masks)
    assert again.names == found.names and repr(again) == repr(found)


def test_a_graph_gives_an_explanation_too(explainer):
    images, _, _ = trained.patches(2)
    traced = []

    @tf.function
    def explain(images):
        found = explainer.explain(images)
        traced.append(repr(found))
        return found

    found = explain(tf.constant(images))
    assert isinstance(found, kx.Explanation) and found.pictures is None
    np.testing.assert_allclose(found.masks, explainer.explain(images).masks, atol=1e-5)
    assert traced[0].startswith("Explanation: .masks")


# === What is printed ===


def test_repr_is_short():
    masks = np.random.default_rng(0).uniform(size=(2, 200, 300, 2)).astype("float32")
    classes, scores = np.array([[1, 0], [2, -1]]), np.array([[0.75, 0.2], [0.5, 0.0]])
    found = kx.Explanation(masks, classes, scores, masks[..., 0], np.ones((2, 3)))
    assert repr(found).splitlines() == [
        "Explanation of 2 images:",
        "  image 0: class 1 0.75, class 0 0.20",
        "  image 1: class 2 0.50",
        ".masks (2, 200, 300, 2), .classes .scores (2, 2), .target_mask (2, 200, 300), "
        ".probabilities (2, 3)",
    ]
    named = found._replace(kept_scores=scores, removed_scores=scores / 2)
    named.of(None, ["a.jpg", "b.jpg"], ["cat", "dog", "bird"])
    assert "  b.jpg: bird 0.50 (alone 0.50, without 0.25)" in str(named).splitlines()
    many = kx.Explanation(*(np.repeat(part, 50, 0) for part in found[:5]))
    assert "  and 95 more" in repr(many).splitlines() and len(repr(many)) < 500
    assert repr(kx.Explanation(1, 2, 3, 4, 5)).startswith("Explanation: .masks")
