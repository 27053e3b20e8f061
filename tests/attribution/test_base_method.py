"""What every method promises: targets, range, warnings, and an untouched classifier."""

import keras
import numpy as np
import pytest
from conftest import assert_unchanged
from conftest import random_images
from conftest import snapshot
from conftest import tiny_classifier
from keras import layers

from keras_explainer import attribution as attributions

METHODS = {
    "GradCAM": {},
    "GuidedBackprop": {},
    "IntegratedGradients": {"steps": 3},
    "SmoothGrad": {"samples": 3},
    "RISE": {"num_masks": 24},
    "ExtremalPerturbation": {"steps": 2, "areas": (0.1, 0.3), "sigma": 8},
    "IGOSPlusPlus": {"iterations": 4, "steps": 4, "size": 16},
}
# Those that need attention, in `test_token_attention.py`.
OF_TRANSFORMERS = {"AttentionRollout", "AttentionRelevance"}
RANDOM = ["SmoothGrad", "RISE", "IGOSPlusPlus"]
every_method = pytest.mark.parametrize("name", METHODS)


def build(name, classifier, **options):
    return getattr(attributions, name)(classifier, **{**METHODS[name], **options})


def nested():
    inner = tiny_classifier()
    images = keras.Input((32, 32, 3))
    return keras.Model(images, inner(images)), random_images(3)


CLASSIFIERS = {
    "softmax": lambda: (tiny_classifier(), random_images(3)),
    "sigmoid": lambda: (tiny_classifier(activation="sigmoid"), random_images(3)),
    "grey": lambda: (tiny_classifier(channels=1), random_images(3, channels=1)),
    "5 channels": lambda: (tiny_classifier(channels=5), random_images(3, channels=5)),
    "nested": nested,
}


def test_every_public_method_is_tested():
    expected = {*METHODS, *OF_TRANSFORMERS, "AttributionMethod"}
    assert expected == set(attributions.__all__)


@pytest.mark.slow
@pytest.mark.parametrize(
    "name, kind",
    [
        pytest.param(
            name,
            kind,
            # Each method, and each kind of classifier; all pairs before a release.
            marks=()
            if kind == "sigmoid" or name == "IntegratedGradients"
            else pytest.mark.thorough,
        )
        for name in METHODS
        for kind in CLASSIFIERS
    ],
)
@pytest.mark.filterwarnings("ignore:.*constant map")
def test_targets_mean_the_same_in_every_form(name, kind, eager):
    classifier, images = CLASSIFIERS[kind]()
    before = snapshot(classifier)
    method = build(name, classifier)
    each = np.stack([method.explain(images, targets=c) for c in range(3)], axis=-1)
    assert each.dtype == "float32" and each.shape == (3, 32, 32, 3)
    assert each.min() >= 0 and each.max() <= 1 and each.max() > 0.5
    assert np.abs(each[..., 0] - each[..., 1]).max() > 0.01
    rows = np.array([[1, 0, 1], [0, 0, 0], [0, 1, 0]])
    merged = (each * rows[:, None, None]).max(-1)
    found = method.explain(images, targets=rows, batch_size=2)
    np.testing.assert_allclose(found, merged, atol=1e-4)
    assert_unchanged(classifier, before)
    if kind not in ("softmax", "sigmoid"):
        return
    listed = method.explain(images, targets=[2, 0, 1])
    np.testing.assert_allclose(listed, each[[0, 1, 2], ..., [2, 0, 1]], atol=1e-4)
    scores = classifier.predict(images, verbose=0)
    if kind == "sigmoid":
        predicted = (scores >= 0.5) | (scores == scores.max(1, keepdims=True))
    else:
        predicted = scores.argmax(axis=1)
    np.testing.assert_allclose(
        method.explain(images),
        method.explain(images, targets=np.asarray(predicted, "int32")),
        atol=1e-4,
    )


@pytest.mark.slow
@every_method
@pytest.mark.filterwarnings("ignore:.*constant map")
def test_traced_and_eager_agree_in_two_sizes(name):
    """One classifier of open size, with batches and sizes that make it retrace."""
    import tensorflow as tf

    method = build(name, tiny_classifier(size=None))
    inputs = [random_images(2, size=32), random_images(3, size=24)]
    traced = [method.explain(images, targets=1) for images in inputs]
    tf.config.run_functions_eagerly(True)
    try:
        for images, result in zip(inputs, traced):
            assert result.shape == images.shape[:3]
            np.testing.assert_allclose(
                method.explain(images, targets=1), result, atol=1e-3
            )
    finally:
        tf.config.run_functions_eagerly(False)


@pytest.mark.parametrize("name", RANDOM)
def test_the_seed_decides(name, eager):
    classifier, images = tiny_classifier(), random_images(2)
    first = build(name, classifier, seed=3).explain(images)
    again = build(name, classifier, seed=3).explain(images, batch_size=1)
    other = build(name, classifier, seed=4).explain(images)
    np.testing.assert_allclose(first, again, atol=1e-5)
    assert np.abs(first - other).max() > 1e-3


@pytest.mark.parametrize("name", sorted(set(METHODS) - {"ExtremalPerturbation"}))
def test_an_empty_map_is_told(name, eager):
    """Class 0 depends on nothing in the image."""
    classifier, images = tiny_classifier(activation="sigmoid"), random_images(2)
    kernel, bias = classifier.layers[-1].get_weights()
    kernel[:, 0] = 0
    classifier.layers[-1].set_weights([kernel, bias])
    method = build(name, classifier)
    with pytest.warns(UserWarning, match=f"{name} .*image 0, 1: probably .*"):
        assert not method.explain(images, targets=0).any()


def test_an_image_without_target_is_told(eager):
    method = build("GuidedBackprop", tiny_classifier())
    rows = [[1, 0, 0], [0, 0, 0]]
    with pytest.warns(UserWarning, match="image 1: no class is a target"):
        assert not method.explain(random_images(2), targets=rows)[1].any()


def test_several_targets_of_a_batch_do_not_hide_an_empty_map_elsewhere(eager):
    classifier = tiny_classifier(activation="sigmoid")
    kernel, bias = classifier.layers[-1].get_weights()
    kernel[:, 0] = 0
    classifier.layers[-1].set_weights([kernel, bias])
    method = build("GuidedBackprop", classifier)
    with pytest.warns(UserWarning, match="constant map for image 1: probably"):
        method.explain(random_images(2), targets=[[1, 1, 0], [1, 0, 0]], batch_size=1)


@every_method
def test_bad_input_is_refused(name, eager):
    method = build(name, tiny_classifier())
    with pytest.raises(ValueError, match="0 to 2. Received: 5"):
        method.explain(random_images(1), targets=5)
    with pytest.raises(ValueError, match=r"shape \(N, 32, 32, 3\)"):
        method.explain(random_images(1, size=16))
    with pytest.raises(ValueError, match="batch_size.*Received: 0"):
        method.explain(random_images(1), batch_size=0)


@pytest.mark.parametrize(
    "name, option, value",
    [
        ("IntegratedGradients", "steps", 0),
        ("IntegratedGradients", "background", "grey"),
        ("SmoothGrad", "samples", 2.5),
        ("SmoothGrad", "noise", 1.5),
        ("SmoothGrad", "seed", -1),
        ("RISE", "num_masks", 0),
        ("RISE", "cells", 1),
        ("RISE", "keep", 1.2),
        ("RISE", "keep", 0),
        ("RISE", "border", "zero"),
        ("RISE", "score", "logit"),
        ("RISE", "background", (1, 2)),
        ("ExtremalPerturbation", "areas", ()),
        ("ExtremalPerturbation", "areas", 0.1),
        ("ExtremalPerturbation", "areas", (0.1, 2)),
        ("ExtremalPerturbation", "variant", "keep"),
        ("ExtremalPerturbation", "steps", True),
        ("ExtremalPerturbation", "sigma", 0),
        ("ExtremalPerturbation", "blur", 0),
        ("IGOSPlusPlus", "size", 1),
        ("IGOSPlusPlus", "noise", -0.1),
    ],
)
def test_bad_options_are_refused(name, option, value):
    with pytest.raises(ValueError, match=f"Argument `{option}` .*Received: "):
        build(name, tiny_classifier(), **{option: value})


def test_a_classifier_of_integers_cannot_be_differentiated(eager):
    images = keras.Input((16, 16, 1), dtype="uint8")
    x = layers.Conv2D(2, 3)(layers.Rescaling(1 / 255)(images))
    x = layers.Dense(2, activation="softmax")(layers.GlobalAveragePooling2D()(x))
    classifier = keras.Model(images, x, name="of_bytes")
    random = np.random.default_rng(0).integers(0, 256, (2, 16, 16, 1), "uint8")
    for name in METHODS:
        if name in ("GradCAM", "RISE"):
            assert build(name, classifier).explain(random, 0).max() == 1
            continue
        with pytest.raises(ValueError, match="floats.*Received: 'of_bytes'.* uint8"):
            build(name, classifier)


@pytest.mark.slow
def test_a_pass_holds_no_more_images_than_asked_for(eager):
    images = random_images(3)
    for name in ("IntegratedGradients", "RISE", "ExtremalPerturbation", "IGOSPlusPlus"):
        method, passes = build(name, tiny_classifier()), []
        inner = method._logits
        method._logits = lambda v, *rows, inner=inner, seen=passes: (
            seen.append(len(v)) or inner(v, *rows)
        )
        method.gradients = method._gradients
        method.explain(images, targets=[[1, 1, 0]] * 3, batch_size=8)
        assert 3 < max(passes) <= 8, name


def test_progress_is_shown_only_when_asked_for(capsys, eager):
    images = random_images(1)
    build("IntegratedGradients", tiny_classifier()).explain(images, targets=0)
    assert not capsys.readouterr().out
    method = build("IntegratedGradients", tiny_classifier(), verbose=True)
    method.explain(images, targets=0)
    assert "IntegratedGradients" in capsys.readouterr().out


def test_maps_end_at_the_edges_of_the_image_if_asked():
    rng = np.random.default_rng(0)
    images = 0.02 * rng.normal(size=(2, 64, 64, 3)).astype("float32")
    images[:, 8:40, 8:40] += 1.0  # its edges lie in the middle of cells of 16 pixels
    inside = images[0, ..., 0] > 0.5
    inputs = keras.Input((64, 64, 3))
    maps = layers.AveragePooling2D(16)(inputs)
    maps = layers.Conv2D(2, 1, kernel_initializer="ones", name="maps")(maps)
    outputs = layers.Dense(2, kernel_initializer="ones", activation="sigmoid")(
        layers.GlobalAveragePooling2D()(maps)
    )
    method = attributions.GradCAM(keras.Model(inputs, outputs))
    bilinear = method.explain(images, targets=1)
    guided = method.explain(images, targets=1, upsampling="guided")

    def overlap(found):
        return (found & inside).sum() / (found | inside).sum()

    assert overlap(bilinear[0] > 0.5) < 0.9 < 0.98 < overlap(guided[0] > 0.5)
    one = method.explain(images[:1], targets=1, upsampling="guided")
    np.testing.assert_allclose(guided[:1], one, atol=1e-4)


def test_an_unknown_upsampling_is_refused():
    method = build("GradCAM", tiny_classifier())
    with pytest.raises(ValueError, match="`upsampling` should be .*Received: 'cubic'"):
        method.explain(random_images(1), upsampling="cubic")
