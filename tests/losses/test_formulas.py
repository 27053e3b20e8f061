"""Known answers and plain re-computations of the four formulas."""

import numpy as np
import pytest
import tensorflow as tf
import trained

from keras_explainer.classifiers.frozen_classifier import FrozenClassifier
from keras_explainer.losses import aggregate_masks
from keras_explainer.losses import area_loss
from keras_explainer.losses import contrast_loss
from keras_explainer.losses import edge_aware_variation
from keras_explainer.losses import entropy_loss
from keras_explainer.losses import evidence_loss
from keras_explainer.losses import outline_length
from keras_explainer.losses import total_variation


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def test_aggregate_masks_takes_the_maximum_of_each_set():
    logits = np.array([[[[2.0, -1.0, 0.5], [-3.0, 4.0, 1.0]]]], "float32")
    target, other = aggregate_masks(logits, np.array([[1, 0, 1]]))
    np.testing.assert_allclose(target, sigmoid(np.array([[[2.0, 1.0]]])), rtol=1e-6)
    np.testing.assert_allclose(other, sigmoid(np.array([[[-1.0, 4.0]]])), rtol=1e-6)


def test_aggregate_masks_of_an_empty_set_is_zero_with_finite_gradients():
    logits = tf.constant(np.random.default_rng(0).normal(size=(2, 3, 3, 2)), tf.float32)
    with tf.GradientTape() as tape:
        tape.watch(logits)
        target, other = aggregate_masks(logits, np.array([[0, 0], [1, 1]]))
        total = tf.reduce_sum(target) + tf.reduce_sum(other)
    assert not np.any(target[0]) and not np.any(other[1])
    assert np.all(np.isfinite(tape.gradient(total, logits)))


def test_entropy_loss_known_answers():
    uniform, certain = np.zeros((2, 4)), np.array([[100.0, 0, 0, 0]])
    assert float(entropy_loss(uniform)) == pytest.approx(-np.log(4) / 4)
    assert float(entropy_loss(uniform, normalized=True)) == pytest.approx(-1)
    assert float(entropy_loss(certain)) == pytest.approx(0, abs=1e-6)
    both = entropy_loss(np.concatenate([uniform, certain]), reduction="none")
    np.testing.assert_allclose(both, [-np.log(4) / 4] * 2 + [0], atol=1e-6)


@pytest.mark.parametrize("classes", [2, 20, 1000])
def test_entropy_loss_normalized_is_the_same_for_any_number_of_classes(classes):
    value = entropy_loss(np.zeros((3, classes)), normalized=True)
    assert float(value) == pytest.approx(-1, abs=1e-5)


def plain_area_loss(masks, labels, least, most):
    """The sorted form of the published loss, pixel by pixel."""
    total = 0.0
    for image, present in zip(masks, labels):
        for c in np.flatnonzero(present):
            z = np.sort(image[..., c].ravel())[::-1]
            rank = np.arange(z.size)
            total += np.maximum((rank < int(least * z.size)) - z, 0).mean()
            total += np.maximum(z - (rank < int(most * z.size)), 0).mean()
    return total / len(masks)


def test_area_loss_equals_the_sorted_form():
    random = np.random.default_rng(1)
    masks = random.uniform(size=(3, 8, 9, 4)).astype("float32")
    labels = random.integers(0, 2, (3, 4))
    for least, most in ((0.05, 0.3), (0.0, 0.5), (0.2, 0.2), (0.01, 1.0)):
        expected = plain_area_loss(masks, labels, least, most)
        value = area_loss(masks, labels, min_area=least, max_area=most)
        assert float(value) == pytest.approx(expected, abs=1e-5)


def test_area_loss_gradient_equals_that_of_the_sorted_form():
    random = np.random.default_rng(2)
    masks = tf.constant(random.uniform(size=(2, 5, 5, 2)), tf.float32)
    labels = np.array([[1, 0], [1, 1]])
    with tf.GradientTape() as tape:
        tape.watch(masks)
        fast = area_loss(masks, labels, 0.2, 0.4)
    gradient = tape.gradient(fast, masks).numpy()
    for index in ((0, 1, 2, 0), (1, 4, 4, 1), (1, 0, 0, 0), (0, 2, 2, 1)):
        step = np.zeros(masks.shape)
        step[index] = 1e-4
        up = plain_area_loss(masks.numpy() + step, labels, 0.2, 0.4)
        down = plain_area_loss(masks.numpy() - step, labels, 0.2, 0.4)
        assert gradient[index] == pytest.approx((up - down) / 2e-4, abs=1e-4)


def test_area_loss_sums_or_averages_over_present_classes():
    masks = np.zeros((1, 10, 10, 3), "float32")
    labels = np.array([[1, 1, 0]])
    assert float(area_loss(masks, labels)) == pytest.approx(0.1)
    mean = area_loss(masks, labels, class_reduction="mean")
    assert float(mean) == pytest.approx(0.05)
    empty = area_loss(masks, labels * 0, class_reduction="mean")
    assert float(empty) == 0


def test_total_variation_known_answers():
    checkerboard = (np.indices((4, 4)).sum(axis=0) % 2).astype("float32")[None]
    assert float(total_variation(checkerboard)) == pytest.approx(2)
    step = np.zeros((1, 4, 4), "float32")
    step[:, :, 2:] = 1
    assert float(total_variation(step)) == pytest.approx(4 / 16)
    # The last column's difference counts twice under reflect padding.
    edge = np.zeros((1, 4, 4), "float32")
    edge[:, :, 3] = 1
    assert float(total_variation(edge)) == pytest.approx(8 / 16)


def test_total_variation_equals_a_convolution_over_reflect_padding():
    masks = np.random.default_rng(3).uniform(size=(2, 6, 7)).astype("float32")
    padded = np.pad(masks, ((0, 0), (1, 1), (1, 1)), mode="reflect")
    center = padded[:, 1:-1, 1:-1]
    expected = np.abs(center - padded[:, 1:-1, 2:]) + np.abs(
        center - padded[:, 2:, 1:-1]
    )
    assert float(total_variation(masks)) == pytest.approx(expected.mean(), abs=1e-6)
    per_image = total_variation(masks, reduction="none")
    np.testing.assert_allclose(per_image, expected.mean(axis=(1, 2)), rtol=1e-5)


@pytest.mark.parametrize(
    "call",
    [
        lambda: area_loss(np.zeros((1, 2, 2, 1)), [[1]], class_reduction="max"),
        lambda: entropy_loss(np.zeros((1, 2)), reduction="sum"),
    ],
)
def test_unknown_options_are_named(call):
    with pytest.raises(ValueError, match="should be .* Received: "):
        call()


def test_evidence_loss_known_answers():
    odds = np.array([[0.0, 5.0, -9.0], [3.0, 3.0, 3.0]])
    labels = np.array([[1, 0, 1], [0, 0, 0]])
    values = evidence_loss(odds, labels, reduction="none")
    np.testing.assert_allclose(values, [np.log(2) / 4, 0], atol=1e-6)
    large = evidence_loss(np.array([[40.0]]), np.array([[1]]))
    assert float(large) == pytest.approx(40)


def finer(maps, times):
    """The same maps (N, h, w, ...) on a grid that is so many times as fine."""
    return np.repeat(np.repeat(maps, times, axis=1), times, axis=2)


def blob(height, width):
    """A smooth mask, the mean of a bell over each cell of a grid."""
    bell = np.exp(-0.5 * ((np.arange(840) + 0.5 - 380) / 120) ** 2)
    rows, columns = (bell.reshape(side, -1).mean(axis=1) for side in (height, width))
    return np.outer(rows, columns)[None].astype("float32")


def test_outlines_are_as_long_on_every_grid():
    square = np.zeros((1, 7, 14), "float32")
    square[0, 2:4, 3:9] = 1
    # Two parts of 6 of 14 widths, and two of 2 of 7 heights.
    expected = 2 * 6 / 14 + 2 * 2 / 7
    for times in (1, 2, 5):
        assert float(outline_length(finer(square, times))) == pytest.approx(expected)
    # Ends that lie on the image's own have no outline.
    half = np.zeros((1, 8, 8), "float32")
    half[:, :, 4:] = 1
    assert float(outline_length(half)) == pytest.approx(1)
    lengths = [float(outline_length(blob(*grid))) for grid in ((14, 14), (56, 28))]
    assert lengths[0] == pytest.approx(lengths[1], rel=0.03)
    # As the integral has it: up and down again, by the mean of the other side.
    bell = np.exp(-0.5 * ((np.arange(840) + 0.5 - 380) / 120) ** 2)
    expected = 2 * np.abs(np.diff(bell)).sum() * bell.mean()
    assert lengths[1] == pytest.approx(expected, rel=0.01)


def test_edge_aware_variation_is_the_outline_on_a_flat_image():
    masks = np.random.default_rng(4).uniform(size=(2, 5, 6)).astype("float32")
    flat = np.full((2, 5, 6, 3), 0.3, "float32")
    down = np.abs(np.diff(masks, axis=1)).sum(axis=(1, 2)) / 6
    right = np.abs(np.diff(masks, axis=2)).sum(axis=(1, 2)) / 5
    for values in (
        edge_aware_variation(masks, flat, reduction="none"),
        outline_length(masks, reduction="none"),
    ):
        np.testing.assert_allclose(values, down + right, rtol=1e-5)


def test_edge_aware_variation_is_the_same_on_a_finer_grid_of_the_same_colors():
    random = np.random.default_rng(5)
    masks = random.uniform(size=(2, 7, 7)).astype("float32")
    # Cells alike but for two columns.
    colors = np.full((2, 7, 7, 3), 0.3, "float32")
    colors[:, :, 4:] += random.uniform(0.02, 0.06, (2, 1, 1, 3))
    colors[:, 0, 0] = 1
    coarse = edge_aware_variation(masks, colors, reduction="none")
    assert np.all(coarse < outline_length(masks, reduction="none") - 0.05)
    for times in (2, 4):
        fine = finer(masks, times), finer(colors, times)
        found = edge_aware_variation(*fine, reduction="none")
        np.testing.assert_allclose(found, coarse, rtol=1e-5)


def test_edge_aware_variation_is_free_where_the_image_has_the_edge():
    mask = np.zeros((1, 8, 8), "float32")
    mask[:, :, 4:] = 1
    image = np.repeat(np.repeat(mask[..., None], 4, axis=1), 4, axis=2)
    assert float(edge_aware_variation(mask, image)) < 1e-3
    other = image.transpose(0, 2, 1, 3)
    assert float(edge_aware_variation(mask, other)) == pytest.approx(1, rel=0.05)


CELL = 8  # pixels; features see somewhat of half of one beside theirs


def moved_out(mask, pixels):
    """Masks (N, H, W) with outlines further out by whole pixels, or further in."""
    if pixels < 0:
        return 1.0 - moved_out(1.0 - mask, -pixels)
    for axis in (1, 2):
        shifts = range(-pixels, pixels + 1)
        padded = np.pad(mask, [(0, 0)] + [(pixels, pixels)] * 2)
        padded = np.max([np.roll(padded, shift, axis) for shift in shifts], axis=0)
        mask = padded[:, pixels:-pixels, pixels:-pixels] if pixels else mask
    return mask


def seen(mask, noise=0.0):
    """Features (1, h, w, 8) of cells that see an object, its mask, and the rest."""
    cells = (mask + moved_out(mask, CELL // 2)) / 2
    height, width = (size // CELL for size in mask.shape[1:])
    cells = cells.reshape(1, height, CELL, width, CELL).mean(axis=(2, 4))[..., None]
    random = np.random.default_rng(0)
    inside, outside = np.abs(random.normal(size=(2, 8)))
    features = cells * inside + (1 - cells) * outside
    features = features + noise * np.abs(random.normal(size=features.shape))
    return features.astype("float32")


def square(side, across=128):
    """The mask (1, across, across) of a square that no grid of cells knows of."""
    mask = np.zeros((1, across, across), "float32")
    mask[:, 11 : 11 + side, 21 : 21 + side] = 1.0
    return mask


def near(cells):
    """How much of a mask (N, h, w) is near each cell, on the scale of the mask."""
    places = np.arange(cells.shape[1])
    distances = np.square(places[:, None] - places)
    blurred = []
    for mask in cells:
        blur = np.exp(-distances / (2 * 0.7**2 * mask.sum()))
        blurred.append(blur @ mask @ blur)
    return np.array(blurred)


def test_contrast_is_the_share_of_variance_that_two_means_explain():
    random = np.random.default_rng(0)
    masks = random.uniform(size=(3, 8, 8)).astype("float32")
    features = random.normal(size=(3, 4, 4, 5)).astype("float32")
    # Half a cell is a pixel here.
    cells = np.concatenate([moved_out(mask[None], 1) for mask in masks])
    cells = (masks + cells) / 2
    cells = cells.reshape(3, 4, 2, 4, 2).mean(axis=(2, 4))[..., None]
    counts = near(masks.reshape(3, 4, 2, 4, 2).mean(axis=(2, 4)))[..., None]
    unit = features / np.linalg.norm(features, axis=-1, keepdims=True)

    def mean(values, weights):
        return (weights * values).sum(axis=(1, 2)) / weights.sum(axis=(1, 2))

    means = [mean(unit, counts * side) for side in (cells, 1 - cells)]
    share = mean(cells, counts)[:, 0]
    between = share * (1 - share) * np.square(means[0] - means[1]).sum(axis=-1)
    deviations = unit - mean(unit, counts)[:, None, None]
    total = mean(np.square(deviations), counts).sum(axis=-1)
    expected = -np.log(between / total + 1e-3)
    found = contrast_loss(masks, [features], reduction="none")
    np.testing.assert_allclose(found, expected, rtol=1e-4)
    mean = float(contrast_loss(masks, [features]))
    assert mean == pytest.approx(expected.mean(), rel=1e-4)
    # Of several maps it is the mean.
    coarse = random.normal(size=(3, 2, 2, 7)).astype("float32")
    of_both = float(contrast_loss(masks, [features, coarse]))
    mean = (mean + float(contrast_loss(masks, [coarse]))) / 2
    assert of_both == pytest.approx(mean, rel=1e-5)


@pytest.mark.parametrize("side", [16, 32, 64, 96])
def test_contrast_is_best_at_the_outline_whatever_the_size_of_the_object(side):
    """Of features that see past their cell: masks were best half a cell too large.

    It is told to within half a cell; wherever cells lie, it is the mean that counts.
    """
    differences = []
    for place in range(CELL):
        mask = np.roll(square(side), place, axis=(1, 2))
        features = seen(mask)
        best = float(contrast_loss(mask, [features]))
        half = mask * (np.arange(128) < 11 + place + side // 2)[:, None]
        others = [moved_out(mask, pixels) for pixels in (-6, -4, 4, 6, 8)]
        shifted = [np.roll(mask, by, axis) for by in (-4, 4) for axis in (1, 2)]
        rim = moved_out(np.ones_like(mask), -CELL)
        others += [half, rim, 0.3 + 0.4 * mask, *shifted]
        values = [float(contrast_loss(np.float32(o), [features])) for o in others]
        differences.append(np.array(values) - best)
    assert np.mean(differences, axis=0).min() > 0.02
    assert np.min(differences) > 0


@pytest.mark.parametrize("maps", ["map", [], ["map", "image"]])
def test_contrast_of_anything_but_a_list_of_maps_is_an_error(maps):
    features = np.ones((2, 4, 4, 3), "float32")
    of_name = {"map": features, "image": features[0]}
    maps = of_name[maps] if isinstance(maps, str) else [of_name[m] for m in maps]
    with pytest.raises(ValueError, match=r"Argument `maps` should be .*\[features\]"):
        contrast_loss(np.ones((2, 8, 8), "float32"), maps)


def test_contrast_does_not_depend_on_the_scale_of_features_nor_of_pixels():
    mask = square(40)
    features = seen(mask)
    best = float(contrast_loss(mask, [features]))
    assert float(contrast_loss(mask, [1e3 * features])) == pytest.approx(best, abs=1e-4)
    larger = mask.repeat(2, axis=1).repeat(2, axis=2)
    assert float(contrast_loss(larger, [features])) == pytest.approx(best, abs=1e-4)


@pytest.mark.parametrize("side", [16, 32, 64, 96])
def test_contrast_grows_what_is_left_out_and_shrinks_what_is_too_much(side):
    truth = square(side)
    features = seen(truth)
    half = truth * (np.arange(128) < 11 + side // 2)[:, None]
    for mask in (half, moved_out(truth, CELL), 0.3 + 0.4 * truth):
        mask = tf.constant(np.float32(np.clip(mask, 0.01, 0.99)))
        with tf.GradientTape() as tape:
            tape.watch(mask)
            value = contrast_loss(mask, [features])
        slope = tape.gradient(value, mask).numpy()
        assert slope[truth > 0].sum() < 0 < slope[truth == 0].sum()
        # And so of each pixel that no cell sees together with the border.
        assert (slope[moved_out(truth, -CELL) > 0] <= 0).all()
        assert (slope[moved_out(truth, 2 * CELL) == 0] >= 0).all()


@pytest.mark.parametrize("cells", [1, 2])
def test_contrast_gives_nothing_for_all_but_a_peculiar_spot(cells):
    """Masks of all but one had the most different means, and took all the rest."""
    mask = np.zeros((1, 64, 64), "float32")
    mask[:, :, :32] = 1.0
    features = seen(mask, noise=0.1)
    features[:, -1, -cells:] = [0, 0, 0, 0, 0, 0, 0, 99]  # a corner, as padding makes
    spot = np.zeros_like(mask)
    spot[:, -CELL // 2 :, -CELL * cells + CELL // 2 :] = 1.0
    best = float(contrast_loss(mask, [features]))
    assert float(contrast_loss(1.0 - spot, [features])) > best + 0.5


@pytest.mark.parametrize("side", [8, 16, 32, 48])
def test_contrast_of_an_object_does_not_depend_on_what_lies_far_away(side):
    """Of the whole picture a small one explained little, and its masks grew."""
    mask = square(side, across=256)
    features = seen(mask, noise=0.1)
    alone = float(contrast_loss(mask, [features]))
    features[:, :, 160 // CELL :] = [0, 0, 0, 0, 0, 0, 0, 9]
    assert float(contrast_loss(mask, [features])) == pytest.approx(alone, abs=0.05)


def test_contrast_within_a_part_is_that_of_the_part_alone():
    """In a picture of two, each with its own ground, neither is of the other's."""
    mask = square(40)
    features = seen(mask)
    beside = np.roll(seen(square(64)), 3, axis=-1)
    both = np.concatenate([features, beside], axis=2)
    part = np.repeat(np.float32([[[1.0, 0.0]]]), 128, axis=2).repeat(128, axis=1)
    nothing = np.zeros_like(mask)
    placed = np.concatenate([mask, nothing], axis=2)
    alone = float(contrast_loss(mask, [features]))
    found = float(contrast_loss(placed, [both], part))
    assert found == pytest.approx(alone, abs=1e-5)
    assert float(contrast_loss(part, [both])) < float(contrast_loss(part, [both], part))
    assert float(contrast_loss(part, [both], part)) > alone + 1
    # What lies in the other part is the others' to say.
    elsewhere = np.concatenate([mask, square(80)], axis=2)
    assert float(contrast_loss(elsewhere, [both], part)) == pytest.approx(
        found, abs=1e-5
    )


@pytest.mark.parametrize("within", [None, "a part", "nothing"])
@pytest.mark.parametrize("value", [0.0, 1.0])
def test_contrast_of_an_empty_or_full_mask_has_a_finite_slope(value, within):
    features = np.random.default_rng(0).normal(size=(1, 4, 4, 3)).astype("float32")
    mask = tf.fill((1, 8, 8), value)
    if within:
        within = np.zeros((1, 8, 8), "float32") + (within == "a part") * np.eye(8)
    with tf.GradientTape() as tape:
        tape.watch(mask)
        found = contrast_loss(mask, [features], within)
    assert np.isfinite(float(found))
    assert np.isfinite(tape.gradient(found, mask)).all()


@pytest.mark.parametrize("kind", ["softmax", "sigmoid"])
@pytest.mark.parametrize("pixels", [-4, -2, 2, 4])
def test_contrast_of_a_trained_classifier_prefers_true_outlines(
    trained_classifier, kind, pixels
):
    """Cells of one size may prefer masks that are too large: those of 4 pixels did."""
    images, _, truth = trained.patches(64, kind, seed=3)
    objects = truth.max(axis=-1)
    frozen = FrozenClassifier(trained_classifier(kind), finest_stride=4)
    maps = frozen.outline_features(images)
    assert len(maps) == 2

    others = moved_out(objects, pixels)

    def values(maps):
        return [
            np.asarray(contrast_loss(masks, maps, reduction="none"))
            for masks in (objects, others)
        ]

    true, other = values(maps)
    if pixels == 2:  # Half of a coarse cell: on the whole they are level.
        assert np.mean(other - true) > -0.05
        true, other = values(maps[1:])
    assert np.mean(true < other) > 0.75
