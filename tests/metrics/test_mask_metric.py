"""Metrics against true masks, on arrays whose answer is known by hand."""

import keras
import numpy as np
import pytest
from sklearn.metrics import f1_score
from sklearn.metrics import roc_auc_score

from keras_explainer import metrics

# Object: the left half. Mask: the upper half, its left quarter weaker.
TRUTH = np.repeat([[[1, 1, 0, 0]]], 4, axis=1).astype("uint8")
MASK = np.zeros((1, 4, 4), "float32")
MASK[0, :2, :2], MASK[0, :2, 2:] = 0.6, 0.8

# Per image: hits 4 at 0.6, false 4 at 0.8, missed 4, right background 4.
KNOWN = {
    "iou": ({}, 4 / 12),
    "threshold_averaged_iou": ({}, (6 * 4 / 12 + 3 * 0) / 9),
    "continuous_iou": ({}, 4 * 0.6 / (8 + 4 * 0.8)),
    "f1": ({}, 0.5),
    "threshold_averaged_f1": ({}, (0.5 + 0.5 + 0) / 3),
    "continuous_f1": ({}, 2 * 2.4 / (5.6 + 8)),
    "pixel_accuracy": ({}, 0.5),
    # Of 64 pairs 16 (weak, absent) are won, and 16 (absent, absent) tie.
    "roc_auc": ({}, (16 + 8) / 64),
    "object_coverage": ({}, 0.3),
    "background_coverage": ({}, 0.4),
    "trimap_iou": ({"width": 1}, 2 / 6),
    "undecided_share": ({}, 0.5),
    "pointing_game": ({}, 0.0),
    "energy_inside": ({}, 2.4 / 5.6),
}
CLASSES = {
    "iou": metrics.IoU(),
    "threshold_averaged_iou": metrics.ThresholdAveragedIoU(),
    "continuous_iou": metrics.ContinuousIoU(),
    "f1": metrics.F1(),
    "threshold_averaged_f1": metrics.ThresholdAveragedF1(),
    "continuous_f1": metrics.ContinuousF1(),
    "pixel_accuracy": metrics.PixelAccuracy(),
    "roc_auc": metrics.ROCAUC(),
    "object_coverage": metrics.ObjectCoverage(),
    "background_coverage": metrics.BackgroundCoverage(),
    "trimap_iou": metrics.TrimapIoU(width=1),
    "undecided_share": metrics.UndecidedShare(),
    "pointing_game": metrics.PointingGame(),
    "energy_inside": metrics.EnergyInside(),
}


def random_pair(count=6, size=12, seed=0):
    random = np.random.default_rng(seed)
    # One decimal, so that there are ties.
    masks = random.uniform(size=(count, size, size)).round(1).astype("float32")
    truth = random.integers(0, 2, masks.shape).astype("uint8")
    truth[random.uniform(size=truth.shape) < 0.1] = 255
    return masks, truth


@pytest.mark.parametrize("name", KNOWN)
def test_the_answer_by_hand(name):
    options, expected = KNOWN[name]
    values = getattr(metrics, name)(TRUTH, MASK, **options)
    np.testing.assert_allclose(values, [expected], rtol=1e-6)


@pytest.mark.parametrize("name", KNOWN)
def test_every_form_of_masks_and_truth_gives_the_same(name):
    options, function = KNOWN[name][0], getattr(metrics, name)
    expected = function(TRUTH, MASK, **options)
    for mask in (MASK[..., None], keras.ops.convert_to_tensor(MASK)):
        for truth in (TRUTH > 0, 7 * TRUTH, TRUTH[..., None], TRUTH.astype("float32")):
            np.testing.assert_array_equal(function(truth, mask, **options), expected)
    binary = MASK > 0.5
    np.testing.assert_array_equal(
        function(TRUTH, binary, **options),
        function(TRUTH, binary.astype("float32"), **options),
    )


# Void has a meaning of its own for `trimap_iou`: tested below.
@pytest.mark.parametrize("name", [name for name in KNOWN if name != "trimap_iou"])
def test_void_pixels_do_not_count(name):
    options, function = KNOWN[name][0], getattr(metrics, name)
    masks = np.concatenate([MASK, np.ones_like(MASK)], axis=1)
    truth = np.concatenate([TRUTH, np.full_like(TRUTH, 255)], axis=1)
    np.testing.assert_allclose(
        function(truth, masks, **options), function(TRUTH, MASK, **options), rtol=1e-6
    )


@pytest.mark.parametrize("name", KNOWN)
def test_images_without_an_answer_are_left_out_of_the_mean(name):
    metric = type(CLASSES[name]).from_config(CLASSES[name].get_config())
    metric.update_state(TRUTH, MASK)
    metric.update_state(np.full_like(TRUTH, 255), MASK)
    assert float(metric.result()) == pytest.approx(KNOWN[name][1])


@pytest.mark.parametrize("name", KNOWN)
def test_two_batches_equal_one_and_the_config_restores_the_metric(name):
    masks, truth = random_pair()
    whole = CLASSES[name]
    whole.reset_state()
    whole.update_state(truth, masks)
    restored = keras.saving.deserialize_keras_object(
        keras.saving.serialize_keras_object(whole)
    )
    assert type(restored) is type(whole) and restored.name == name
    restored.update_state(truth[:2], masks[:2])
    restored.update_state(truth[2:], masks[2:])
    assert float(restored.result()) == pytest.approx(float(whole.result()), rel=1e-5)
    plain = np.mean(getattr(metrics, name)(truth, masks, **KNOWN[name][0]))
    assert float(whole.result()) == pytest.approx(plain, rel=1e-5)


def test_the_weights_of_images_count():
    masks, truth = random_pair(count=2)
    metric = metrics.IoU()
    metric.update_state(truth, masks, sample_weight=np.array([[0.0], [3.0]]))
    assert float(metric.result()) == pytest.approx(float(metrics.iou(truth, masks)[1]))


def test_metrics_work_in_compile():
    masks, truth = random_pair(count=4)
    model = keras.Sequential([keras.Input((12, 12, 1)), keras.layers.Identity()])
    chosen = [metrics.IoU(), metrics.ROCAUC(), metrics.TrimapIoU(2)]
    model.compile(loss="mse", metrics=chosen)
    result = model.evaluate(
        masks[..., None], truth[..., None], verbose=0, return_dict=True
    )
    assert result["iou"] == pytest.approx(np.mean(metrics.iou(truth, masks)))
    assert result["roc_auc"] == pytest.approx(np.mean(metrics.roc_auc(truth, masks)))


@pytest.mark.parametrize("name", KNOWN)
def test_wrong_shapes_raise(name):
    function = getattr(metrics, name)
    with pytest.raises(ValueError, match=r"`masks`.*Received: shape \(4, 4\)"):
        function(TRUTH, MASK[0])
    with pytest.raises(ValueError, match=r"`true_masks`.*Received: shape \(1, 4, 3\)"):
        function(TRUTH[..., :3], MASK)
    with pytest.raises(ValueError, match="`masks` should be finite"):
        function(TRUTH, MASK * np.nan)


def test_auc_and_f1_equal_scikit_learn():
    masks, truth = random_pair()
    aucs, f1s = metrics.roc_auc(truth, masks), metrics.f1(truth, masks, threshold=0.25)
    for mask, labels, auc, f1 in zip(masks, truth, aucs, f1s):
        valid = labels != 255
        assert float(auc) == pytest.approx(roc_auc_score(labels[valid], mask[valid]))
        assert float(f1) == pytest.approx(
            f1_score(labels[valid], mask[valid] >= 0.25), rel=1e-5
        )


def test_auc_of_a_large_map_is_exact():
    random = np.random.default_rng(0)
    mask = random.uniform(size=(1, 224, 224)).astype("float32")
    truth = random.integers(0, 2, mask.shape)
    expected = roc_auc_score(truth.ravel(), mask.ravel())
    assert float(metrics.roc_auc(truth, mask)[0]) == pytest.approx(expected, abs=1e-6)


def test_images_without_an_object_have_no_value():
    empty = np.zeros_like(TRUTH)
    for name in KNOWN:
        if name not in ("pixel_accuracy", "background_coverage", "undecided_share"):
            assert np.isnan(getattr(metrics, name)(empty, MASK)[0]), name
    assert np.isnan(metrics.background_coverage(TRUTH * 0 + 1, MASK)[0])
    assert np.isnan(metrics.roc_auc(TRUTH * 0 + 1, MASK)[0])


def test_soft_accuracy_of_the_paper():
    soft = MASK * TRUTH + (1 - MASK) * (1 - TRUTH)
    value = metrics.pixel_accuracy(TRUTH, MASK, threshold=None)
    np.testing.assert_allclose(value, [soft.mean()], rtol=1e-6)


def test_a_void_contour_is_part_of_the_border():
    truth = np.array([[[1, 1, 1, 255, 255, 255, 0, 0, 0]]])
    mask = np.array([[[1, 1, 0, 0, 0, 0, 1, 0, 0]]])
    # The band: one pixel on either side of the void.
    assert metrics.trimap_iou(truth, mask, width=1).numpy() == [0]
    assert metrics.trimap_iou(truth, mask, width=2).numpy() == pytest.approx([1 / 3])
    with pytest.raises(ValueError, match="`width`.*Received: 0"):
        metrics.trimap_iou(truth, mask, width=0)


def test_undecided_pixels_are_strictly_between():
    mask = np.float32([[[0.0, 0.1, 0.2, 0.5], [0.8, 0.9, 0.95, 1.0]]])
    assert metrics.undecided_share(None, mask).numpy() == [3 / 8]
    assert metrics.undecided_share(None, mask, low=0.3, high=0.6).numpy() == [1 / 8]


def test_pointing_with_ties_and_tolerance():
    truth = np.array([[[0, 0, 0, 1]]])
    assert metrics.pointing_game(truth, np.ones((1, 1, 4))).numpy() == [0.25]
    point = np.array([[[0, 0, 1, 0]]])
    assert metrics.pointing_game(truth, point).numpy() == [0]
    assert metrics.pointing_game(truth, point, tolerance=1).numpy() == [1]
