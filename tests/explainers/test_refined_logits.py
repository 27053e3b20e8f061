"""Refinement moves each mask down the slope of its own cost, and no other."""

import keras
import numpy as np
import pytest
from conftest import random_images
from conftest import tiny_classifier
from keras import ops

import keras_explainer as kx
from keras_explainer.explainers.refined_logits import refined_logits
from keras_explainer.image_operations.inpainting import inpainted

# A mask holds about half the image: where all cells agree, masks are flat, and hardly
# move.
LOGITS = np.random.default_rng(1).normal(0, 1, (2, 8, 8, 3)).astype("float32")


@pytest.fixture
def explainer():
    return kx.ExplainerModel(tiny_classifier(), stride=4)


def cost_by_hand(explainer, image, logits, class_index):
    """The cost of one mask (h, w) in one image (H, W, channels), in plain steps."""
    logits = ops.convert_to_tensor(logits[None, ..., None])
    mask = ops.sigmoid(explainer.upsampled(logits, image[None]))
    color = explainer.background.color
    kept = color + mask * (image[None] - color)
    cells = ops.average_pool(1.0 - mask, 4)[..., 0]
    fill = inpainted(image[None], cells, color)
    left = fill + (1.0 - mask) * (image[None] - fill)
    values = []
    for picture in (kept, left):
        p = np.float64(explainer.classifier(picture, training=False))[0, class_index]
        values.append(np.log(p / (1.0 - p)))
    kept, left = values
    return (
        2.0 * np.log1p(np.exp(-kept))
        + 0.7 * np.log1p(np.exp(2.0 * left)) / 2.0
        + 2.0 * np.mean(mask)
    )


@pytest.mark.slow
@pytest.mark.usefixtures("eager")
def test_one_step_goes_down_the_slope_in_every_cell(explainer, monkeypatch):
    # The fill follows the mask without a slope; here it follows nothing.
    fixed = inpainted(random_images(1), np.ones((1, 32, 32), "float32"))
    for room in ("keras_explainer.explainers.explainer_model", __name__):
        monkeypatch.setattr(f"{room}.inpainted", lambda *_: fixed)
    images = random_images(1, seed=2)
    wanted = np.array([[False, True, False]])
    classes = np.array([[0, 1, 2]])
    found = refined_logits(explainer, images, LOGITS[:1], classes, wanted, 1)
    moved = np.asarray(found)[0, ..., 1] - LOGITS[0, ..., 1]
    # Adam's first step is as long in every cell: only its sign is of the slope.
    np.testing.assert_allclose(np.abs(moved), 2.0, rtol=0.1)
    slopes = np.zeros((8, 8))
    for row, column in np.ndindex(8, 8):
        nudge = np.zeros((8, 8), "float32")
        nudge[row, column] = 0.05
        more, less = (
            cost_by_hand(explainer, images[0], LOGITS[0, ..., 1] + way * nudge, 1)
            for way in (1, -1)
        )
        slopes[row, column] = more - less
    # Differences of float32 do not tell the sign of those close to 0.
    steep = np.abs(slopes) > np.median(np.abs(slopes))
    np.testing.assert_array_equal(np.sign(moved)[steep], -np.sign(slopes)[steep])


@pytest.mark.usefixtures("eager")
@pytest.mark.slow
def test_steps_lower_the_cost(explainer):
    images, classes = random_images(2), np.array([[0, 1, 2]] * 2)
    costs = []
    for steps in (0, 3, 10):
        wanted = np.full((2, 3), True)
        found = refined_logits(explainer, images, LOGITS, classes, wanted, steps)
        costs.append(
            [
                cost_by_hand(explainer, images[n], np.asarray(found)[n, ..., k], k)
                for n in range(2)
                for k in range(3)
            ]
        )
    assert np.mean(costs[0]) > np.mean(costs[1]) > np.mean(costs[2])
    np.testing.assert_array_less(costs[2], costs[0])


@pytest.mark.usefixtures("eager")
@pytest.mark.slow
def test_more_masks_than_fit_at_once_are_refined_as_each_alone(explainer):
    images = random_images(5)
    logits = np.repeat(LOGITS[:1], 5, axis=0)
    classes = np.array([[2, 0, 1]] * 5)
    wanted = np.array([[True, True, False]] * 5)  # 10 masks, 8 at once
    found = np.asarray(refined_logits(explainer, images, logits, classes, wanted, 2))
    np.testing.assert_array_equal(found[..., 2], logits[..., 2])
    for n, k in ((0, 0), (2, 1), (4, 1)):
        alone = refined_logits(
            explainer,
            images[n : n + 1],
            logits[n : n + 1, ..., k : k + 1],
            classes[n : n + 1, k : k + 1],
            np.array([[True]]),
            2,
        )
        np.testing.assert_allclose(found[n, ..., k], alone[0, ..., 0], atol=1e-3)


@pytest.mark.usefixtures("eager")
def test_nothing_wanted_is_nothing_done(explainer):
    images, classes = random_images(2), np.array([[0, 1, 2]] * 2)
    wanted = np.full((2, 3), False)
    found = refined_logits(explainer, images, LOGITS, classes, wanted, 2)
    np.testing.assert_array_equal(found, LOGITS)


@pytest.mark.slow
def test_explain_refines_what_it_shows_and_what_is_predicted():
    classifier = tiny_classifier(classes=4, activation="sigmoid")
    explainer = kx.ExplainerModel(classifier, upsampling="bilinear")
    images = random_images(3)
    plain = explainer.explain(images, top_k=1)
    found = explainer.explain(images, top_k=1, refine_steps=2)
    np.testing.assert_array_equal(found.classes, plain.classes)
    np.testing.assert_array_equal(found.probabilities, plain.probabilities)
    assert (np.abs(found.masks - plain.masks).max(axis=(1, 2, 3)) > 0.1).all()
    # The target mask is the largest of the refined masks that are predicted.
    np.testing.assert_array_equal(found.target_mask, found.masks[..., 0])


@pytest.mark.usefixtures("eager")
@pytest.mark.slow
def test_a_class_that_is_ruled_out_stays_empty():
    images = keras.Input((32, 32, 3))
    x = keras.layers.Conv2D(4, 3, strides=4, padding="same")(images)
    x = keras.layers.GlobalAveragePooling2D()(x)
    bias = keras.initializers.Constant([20.0, -20.0])
    scores = keras.layers.Dense(2, "sigmoid", bias_initializer=bias)(x)
    explainer = kx.ExplainerModel(keras.Model(images, scores))
    found = explainer.explain(random_images(2), targets=[1, 1], refine_steps=3)
    assert found.masks.max() < 1e-3


@pytest.mark.usefixtures("eager")
@pytest.mark.parametrize(
    "activation, gap",
    [
        ("softmax", 100.0),
        *(
            pytest.param(*case, marks=pytest.mark.slow)
            for case in (("softmax", 16.0), ("sigmoid", 16.0), ("sigmoid", 100.0))
        ),
    ],
)
def test_a_mask_of_a_sure_classifier_moves_too(activation, gap):
    """Where a class leads by so much, its odds and its mask once had no slope."""
    images = keras.Input((32, 32, 3))
    # The redness of the picture, without a limit, against a class of no evidence.
    x = keras.layers.Conv2D(1, 4, 4, use_bias=False, kernel_initializer="zeros")
    scores = keras.layers.Dense(2, activation, use_bias=False)
    pooled = keras.layers.GlobalAveragePooling2D()(x(images))
    classifier = keras.Model(images, scores(pooled))
    kernel = np.zeros((4, 4, 3, 1), "float32")
    kernel[:, :, 0] = 1.0 / 16
    x.set_weights([kernel])
    scores.set_weights([np.float32([[4 * gap, -4 * gap]]) / 2])
    picture = np.zeros((1, 32, 32, 3), "float32")
    picture[:, :16, :16, 0] = 1.0  # a quarter of the picture: the mean is gap / 4 / 4
    explainer = kx.ExplainerModel(classifier, upsampling="bilinear", background=0.0)
    plain, found = (
        explainer.explain(picture, targets=0, refine_steps=steps).masks[0, ..., 0]
        for steps in (0, 8)
    )
    assert np.isfinite(found).all()
    assert np.abs(found - plain).max() > 0.3
    # What shows nothing of the class is let go, and what shows it is kept.
    assert found[2:14, 2:14].mean() - found[18:, 18:].mean() > 0.5


@pytest.mark.parametrize("steps", [-1, 2.5, "3", None])
def test_steps_are_a_whole_number(explainer, steps):
    with pytest.raises(ValueError, match="`refine_steps` should be a whole number"):
        explainer.explain(random_images(1), refine_steps=steps)


def test_only_an_explainer_model_refines():
    explainer = kx.L2XExplainer(tiny_classifier(), grid=4)
    with pytest.raises(ValueError, match="should be 0 for a L2XExplainer.*Received: 2"):
        explainer.explain(random_images(1), refine_steps=2)


@pytest.mark.slow
@pytest.mark.parametrize(
    "policy",
    ["mixed_float16", pytest.param("float32", marks=pytest.mark.thorough)],
)
def test_images_of_any_size(policy):
    keras.mixed_precision.set_global_policy(policy)
    try:
        explainer = kx.ExplainerModel(tiny_classifier(size=None))
        for size in (40, 48):
            images = random_images(2, size=size)
            plain, found = (explainer.explain(images, refine_steps=n) for n in (0, 2))
            assert found.masks.shape == (2, size, size, 3)
            assert np.isfinite(found.masks).all()
            assert np.abs(found.masks - plain.masks).max() > 0.1
    finally:
        keras.mixed_precision.set_global_policy("float32")
