"""The shipped models are the files of their cards, and score what these say."""

import hashlib
import pathlib
import re

import keras
import numpy as np
import pytest
import tensorflow as tf

import keras_explainer as kx
from keras_explainer.classifiers.imagenet_classes import IMAGENET_CLASSES
from keras_explainer.commands.demo import HELD_OUT
from keras_explainer.commands.demo import HELD_OUT_SEED
from keras_explainer.commands.demo import PHOTOGRAPHS
from keras_explainer.commands.demo import explainer_masks
from keras_explainer.datasets import SHAPES_CLASSES
from keras_explainer.datasets import shapes
from keras_explainer.evaluation import overlap_by_threshold
from keras_explainer.loading.pictures import explainer_input
from keras_explainer.loading.pictures import read_pictures
from keras_explainer.losses import StepOutputs
from keras_explainer.losses import aggregate_masks

FOLDER = pathlib.Path(__file__).parents[1] / "saved_models"
SERVED = FOLDER / "shapes_explainer" / "1"
CARDS = (FOLDER / "README.md").read_text()


def card(title):
    """Returns the section of the cards below a title."""
    return CARDS.partition(f"\n## {title}\n")[2].partition("\n## ")[0]


def figures(title, row):
    """Returns the numbers in a row of a card's table."""
    (cells,) = re.findall(rf"^\| {re.escape(row)} \| (.*) \|$", card(title), re.M)
    return [float(cell) for cell in re.findall(r"\d\.\d+", cells)]


@pytest.fixture(scope="module")
def explainer():
    return keras.saving.load_model(FOLDER / "shapes_explainer.keras")


def held_out(explainer, count):
    options = {"image_size": 128, "preprocess_input": explainer.preprocessing}
    return shapes(count, seed=HELD_OUT_SEED, masks=True, **options)


@pytest.mark.parametrize(
    ("title", "path"),
    [
        ("shapes_classifier.keras", FOLDER / "shapes_classifier.keras"),
        ("shapes_explainer.keras", FOLDER / "shapes_explainer.keras"),
        ("mobilenet_v2_imagenet.keras", FOLDER / "mobilenet_v2_imagenet.keras"),
        ("shapes_explainer/1", SERVED / "saved_model.pb"),
        ("shapes_explainer/1", SERVED / "variables" / "variables.data-00000-of-00001"),
    ],
)
def test_checksums(title, path):
    assert hashlib.sha256(path.read_bytes()).hexdigest() in card(title)


def test_size():
    sizes = [path.stat().st_size for path in FOLDER.rglob("*") if path.is_file()]
    assert sum(sizes) < 17e6


# === Photographs ===

# What the classifier says of them with the weights before these were made float16.
ANSWERS = {
    "cat": ("Egyptian_cat", 0.828),
    "espresso": ("espresso", 0.777),
}


@pytest.fixture(scope="module")
def of_photographs():
    return kx.load("imagenet")


@pytest.fixture(scope="module")
def photographs(of_photographs):
    pictures = read_pictures([PHOTOGRAPHS / f"{name}.jpg" for name in ANSWERS])
    return explainer_input([picture for _, picture in pictures], of_photographs)


def test_classifier_answers_as_with_full_weights(of_photographs, photographs):
    scores = of_photographs.classifier(photographs).numpy()
    names = [of_photographs.class_names[index] for index in scores.argmax(axis=-1)]
    assert names == [name for name, _ in ANSWERS.values()]
    expected = [score for _, score in ANSWERS.values()]
    np.testing.assert_allclose(scores.max(axis=-1), expected, atol=3e-3)


def test_masks_of_photographs_hold_the_reasons(of_photographs, photographs):
    found = of_photographs.explain(photographs, top_k=1, verify=True)
    assert (found.kept_scores > 0.5).all() and (found.removed_scores < 0.2).all()
    areas = found.masks.mean(axis=(1, 2, 3))
    assert ((areas > 0.1) & (areas < 0.75)).all()


def test_it_can_be_trained_further(of_photographs):
    assert of_photographs.class_names == IMAGENET_CLASSES
    assert {w.dtype for w in of_photographs.trainable_variables} == {"float32"}
    assert int(of_photographs.optimizer.iterations) == 0


def test_size_of_the_explainer_of_photographs():
    assert (FOLDER / "mobilenet_v2_imagenet.keras").stat().st_size < 9e6


# === Drawn shapes ===


@pytest.mark.slow  # 160 images, for which a mask is drawn per class
def test_explainer_scores_what_its_card_says(explainer):
    quality = overlap_by_threshold(
        explainer_masks(explainer),
        held_out(explainer, HELD_OUT),
        len(SHAPES_CLASSES),
        thresholds=[0.5],
    )
    found = [quality[f"{name}_at_half"] for name in ("class_iou", "iou", "accuracy")]
    said = figures("shapes_explainer.keras", "**Explainer**")
    np.testing.assert_allclose(found, said, atol=2e-3)


@pytest.mark.slow  # traces the masks of the explainer, and loads the served ones
def test_served_version_answers_as_the_explainer(explainer):
    served = tf.saved_model.load(SERVED).signatures["serving_default"]
    images = next(iter(held_out(explainer, 8)))[0]
    raw = np.round(explainer.preprocessing.restore(images)).astype("float32")
    answer = served(images=tf.constant(raw))
    images = tf.constant(explainer.preprocessing(raw))
    expected = explainer.explain(images, top_k=3)
    np.testing.assert_array_equal(answer["classes"], expected.classes)
    np.testing.assert_allclose(answer["scores"], expected.scores, atol=1e-4)
    side = expected.masks.shape[1] // answer["masks"].shape[1]
    read = explainer.frozen(images)
    logits = explainer.class_logits(images, read, expected.classes)
    fall = explainer.fall(read, expected.classes)
    logits = explainer.upsampled(logits, images) + fall
    cells = tf.sigmoid(tf.nn.avg_pool2d(logits, side, side, "VALID"))
    np.testing.assert_allclose(answer["masks"], cells, atol=1e-4)


def test_explainer_of_an_earlier_version_is_as_smooth_as_it_was(explainer):
    """Its smoothness was 0.5 times the mean difference of neighbouring cells."""
    # Which was of a mean over 8 classes, and is of a label.
    assert explainer.explainer_loss.classification_weight == 2.0 / 8
    random, grid = np.random.default_rng(0), explainer.output["coarse_masks"].shape[1:3]
    logits = random.normal(size=(2, *grid, 8)).astype("float32")
    labels = np.eye(8, dtype="float32")[[1, 5]]
    masks = aggregate_masks(logits, labels)
    expected = sum(
        0.5 * np.abs(np.diff(mask, axis=axis)).mean(axis=(1, 2))
        for mask in masks
        for axis in (1, 2)
    )
    flat = np.zeros((2, 128, 128, 3), "float32")
    masks = (masks[0], *masks)
    step = StepOutputs(flat, labels, None, *masks, logits, labels, True)
    found = explainer.explainer_loss.of_masks(step)["smoothness"]
    np.testing.assert_allclose(found, expected, rtol=1e-5)
    clone = keras.models.clone_model(explainer)
    weights = [x.explainer_loss.smoothness_weight for x in (explainer, clone)]
    assert weights[0] == weights[1]
