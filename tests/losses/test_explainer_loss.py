"""The weighing of the terms, the published configurations, serialisation."""

import keras
import numpy as np
import pytest
from conftest import random_images

from keras_explainer.losses import ExplainerLoss
from keras_explainer.losses import StepOutputs
from keras_explainer.losses import aggregate_masks
from keras_explainer.losses import area_loss
from keras_explainer.losses import contrast_loss
from keras_explainer.losses import entropy_loss
from keras_explainer.losses import total_variation


def terms_of(loss, activation="sigmoid", targets=None):
    random = np.random.default_rng(0)
    class_logits = random.normal(size=(2, 6, 6, 3)).astype("float32")
    labels = np.float32([[1, 0, 1], [0, 1, 0]])
    kept, removed, nothing = random.normal(size=(3, 2, 3)).astype("float32")
    images = random_images(2)
    others = None if targets is None else labels - targets
    targets = labels if targets is None else targets
    step = StepOutputs(
        images=images,
        labels=targets,
        other_labels=others,
        target_mask=aggregate_masks(class_logits, targets)[0],
        coarse_target_mask=aggregate_masks(class_logits, targets)[0],
        non_target_mask=aggregate_masks(class_logits, labels)[1],
        class_logits=class_logits,
        is_present=labels,
        multi_label=activation == "sigmoid",
        kept_logits=kept,
        removed_logits=removed,
        background_logits=nothing[:1],
        features=[random.normal(size=(2, 3, 3, 4)).astype("float32")],
    )
    terms = loss(step)
    return {k: np.asarray(v) for k, v in terms.items()}, class_logits, labels, removed


def test_published_terms_are_the_published_formulas():
    loss = ExplainerLoss.published("voc2007", "resnet50")
    terms, class_logits, labels, removed = terms_of(loss)
    target, other = aggregate_masks(class_logits, labels)
    np.testing.assert_allclose(
        terms["entropy"].mean(), 3 * float(entropy_loss(removed)), rtol=1e-5
    )
    masks = 1 / (1 + np.exp(-class_logits))
    area = (
        0.8 * area_loss(masks, labels) + 0.01 * np.mean(target) + 0.3 * np.mean(other)
    )
    np.testing.assert_allclose(terms["area"].mean(), area, rtol=1e-5)
    variation = total_variation(target) + total_variation(other)
    np.testing.assert_allclose(terms["smoothness"].mean(), variation, rtol=1e-5)


@pytest.mark.parametrize("activation", ["sigmoid", "softmax"])
def test_each_weight_scales_its_own_term(activation):
    base = terms_of(ExplainerLoss(), activation)[0]
    assert all(values.shape == (2,) for values in base.values())
    for weight, term in (
        ("classification_weight", "classification"),
        ("smoothness_weight", "smoothness"),
        ("contrast_weight", "contrast"),
    ):
        value = ExplainerLoss().get_config()[weight]
        scaled = terms_of(ExplainerLoss(**{weight: 3 * value}), activation)[0]
        for name in base:
            factor = 3 if name == term else 1
            np.testing.assert_allclose(scaled[name], factor * base[name], rtol=1e-5)
    zero = ExplainerLoss(0, 0, 0, 0, 0, 0, 0, 0, 0)
    assert not any(values.any() for values in terms_of(zero, activation)[0].values())


def test_only_the_weaker_of_overlapping_masks_counts():
    terms, class_logits, labels, _ = terms_of(ExplainerLoss(overlap_weight=1))
    without = terms_of(ExplainerLoss(overlap_weight=0))[0]
    masks = 1 / (1 + np.exp(-class_logits))
    # The first image has classes 0 and 2, the second only class 1.
    weaker = np.minimum(masks[0, ..., 0], masks[0, ..., 2]).mean()
    np.testing.assert_allclose(terms["area"] - without["area"], [weaker, 0], atol=1e-6)


def test_a_single_label_is_judged_by_its_own_mask_and_spares_the_others():
    targets = np.float32([[0, 0, 1], [0, 1, 0]])
    loss = ExplainerLoss(smoothness_weight=0)
    terms, class_logits, _, removed = terms_of(loss, targets=targets)
    masks = 1 / (1 + np.exp(-class_logits))
    # In the first image class 0 is neither a target nor absent.
    area = 2.25 * masks[0, ..., 2].mean() + 0.3 * masks[0, ..., 1].mean()
    np.testing.assert_allclose(terms["area"][0], area, rtol=1e-5)
    # Of the target nothing should be left; class 0 should still be seen.
    left = 0.7 * np.log1p(np.exp(2 * removed[[0, 1], [2, 1]])) / 2
    left[0] += 0.5 * np.log1p(np.exp(-2 * removed[0, 0])) / 2
    np.testing.assert_allclose(terms["entropy"], left, rtol=1e-5)


def test_published_configurations():
    config = ExplainerLoss.published("VOC2007", "VGG16").get_config()
    assert (config["entropy_weight"], config["target_area_weight"]) == (1.0, 0.1)
    config = ExplainerLoss.published("coco2014", "resnet50").get_config()
    assert config["smoothness_weight"] == 0.05 and config["area_weight"] == 0.1
    with pytest.raises(ValueError, match="published pair.*'cub' with 'vgg16'"):
        ExplainerLoss.published("cub", "vgg16")


def test_round_trip_and_bad_weights():
    loss = ExplainerLoss.published("coco2014", "vgg16")
    config = keras.saving.serialize_keras_object(loss)
    again = keras.saving.deserialize_keras_object(config)
    assert again.get_config() == loss.get_config()
    with pytest.raises(ValueError, match="`smoothness_weight` .*Received: -1"):
        ExplainerLoss(smoothness_weight=-1)
    with pytest.raises(ValueError, match="`target_area_weight` .*Received: 'small'"):
        ExplainerLoss(target_area_weight="small")
    for band in ((0.5, 0.2), (0.1,), "wide", (-1, 0.2)):
        with pytest.raises(ValueError, match="`area_band` .*in order"):
            ExplainerLoss(area_band=band, area_weight=1.0)
    with pytest.raises(ValueError, match="`area_band` .*without which it does nothing"):
        ExplainerLoss(area_band=(0.1, 0.2))


def test_contrast_is_of_images_of_which_something_is_judged():
    images = random_images(2)
    masks = np.random.default_rng(0).uniform(size=(2, 6, 6)).astype("float32")
    labels = np.float32([[0, 0], [0, 1]])
    maps = np.random.default_rng(1).normal(size=(2, 3, 3, 4)).astype("float32")
    logits = np.zeros((2, 6, 6, 2), "float32")
    step = StepOutputs(
        images, labels, None, masks, masks, masks, logits, labels, True, features=[maps]
    )
    found = ExplainerLoss(contrast_weight=2.0).of_masks(step)["contrast"]
    expected = 2 * contrast_loss(masks[1:], [maps[1:]])
    np.testing.assert_allclose(found, [0.0, expected], rtol=1e-5)
    # Features that were not read count for nothing.
    found = ExplainerLoss().of_masks(step._replace(features=None))["contrast"]
    np.testing.assert_array_equal(found, [0.0, 0.0])
