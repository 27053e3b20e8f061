"""L2X, and the code that its two networks may agree on."""

import keras
import numpy as np
import pytest
from conftest import random_images
from conftest import tiny_classifier

import keras_explainer as kx
from keras_explainer.metrics import label_encoding


def brightness_classifier():
    """Answers by the mean of the whole image, of which a cell tells little."""
    images = keras.Input((16, 16, 1))
    x = keras.layers.Conv2D(1, 1, use_bias=False, name="cells")(images)
    x = keras.layers.GlobalAveragePooling2D()(x)
    classifier = keras.Model(images, keras.layers.Dense(2, activation="softmax")(x))
    classifier.set_weights(
        [np.ones((1, 1, 1, 1)), 40 * np.float32([[-1, 1]]), np.zeros(2)]
    )
    return classifier


def noisy_images(count, seed):
    random = np.random.default_rng(seed)
    shift = random.choice([-0.1, 0.1], size=(count, 1, 1, 1))
    images = (shift + random.normal(size=(count, 16, 16, 1))).astype("float32")
    return images, (images.mean(axis=(1, 2, 3)) > 0).astype(int)


@pytest.mark.slow
def test_a_joint_predictor_learns_a_code_that_the_checks_show():
    classifier = brightness_classifier()
    images, labels = noisy_images(2000, seed=0)
    held_out, answers = noisy_images(400, seed=1)
    figures, encoding = {}, {}
    for predictor in ("joint", "classifier"):
        explainer = kx.L2XExplainer(
            classifier, grid=4, selected=2, predictor=predictor, background=0.0
        )
        explainer.fit(images, labels, batch_size=50, epochs=15, verbose=0)
        figures[predictor] = explainer.evaluate(
            held_out, answers, return_dict=True, verbose=0
        )
        maps = explainer.explain(held_out, targets=answers).masks[..., 0]
        encoding[predictor] = label_encoding(
            classifier, held_out, maps, answers, background=0.0, grid=4
        )
    # The place of the cells tells the answer, where their content cannot.
    assert encoding["joint"]["mask_only"] > 0.9
    assert figures["joint"]["predictor_accuracy"] > 0.9
    assert figures["joint"]["kept_accuracy"] < 0.9
    # The classifier itself learns no code; it is shown the cells that speak for it.
    assert encoding["classifier"]["mask_only"] < 0.65
    assert figures["classifier"]["kept_accuracy"] > 0.9


@pytest.mark.usefixtures("eager")
def test_masks_hold_the_number_of_cells_and_figures_judge_them():
    explainer = kx.L2XExplainer(tiny_classifier(), grid=4, selected=3)
    images, labels = random_images(8), np.arange(8) % 3
    masks = explainer.predict(images, verbose=0)["coarse_masks"]
    np.testing.assert_array_equal(masks.sum(axis=(1, 2)), np.full((8, 3), 3))
    np.testing.assert_array_equal(masks, np.repeat(masks[..., :1], 3, axis=-1))
    figures = explainer.evaluate(images, labels, return_dict=True, verbose=0)
    cells = masks[..., 0].repeat(8, axis=1).repeat(8, axis=2)
    kept = explainer.frozen.logits(explainer.background(images, cells))
    right = np.asarray(kept).argmax(axis=1) == labels
    assert figures["kept_accuracy"] == pytest.approx(right.mean(), abs=1e-6)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"predictor": "own"}, "`predictor` .*Received: 'own'"),
        ({"grid": 2, "selected": 4}, "`selected` .*grid, 4. Received: 4"),
        ({"temperature": 0}, "`temperature` .*Received: 0"),
    ],
)
def test_bad_arguments_are_named(arguments, message):
    with pytest.raises(ValueError, match=message):
        kx.L2XExplainer(tiny_classifier(), **arguments)
