"""Every kind of explainer in every precision, compiled by XLA or not, or eager."""

import keras
import numpy as np
import pytest
from conftest import random_images
from conftest import tiny_classifier
from explainer_kinds import EXPLAINERS
from explainer_kinds import KINDS

pytestmark = pytest.mark.slow
IMAGES, LABELS = random_images(8), np.arange(8) % 3
# Policy, how steps are run, and how far masks and losses may be from float32's: for
# masks the mean over all cells (those of 0 or 1 may flip), for losses relative.
SETTINGS = {
    "eager": ("float32", {"run_eagerly": True}, 1e-4),
    "xla": ("float32", {"jit_compile": True}, 1e-3),
    "float16": ("mixed_float16", {}, 1e-2),
    "bfloat16": ("mixed_bfloat16", {}, 5e-2),
    "float16 xla": ("mixed_float16", {"jit_compile": True}, 1e-2),
}
# What these draw in a step is other numbers under XLA, of the same distribution.
DRAW = ("explainer", "discrete_mask", "real_time_saliency", "l2x")
OTHER_DRAWS = 0.1
# XLA in half precision is what takes longest: of one kind.
OFTEN = {
    *(("explainer", setting) for setting in ("xla", "float16", "bfloat16")),
    ("l2x", "float16"),
}
CASES = [
    pytest.param(
        kind, setting, marks=[] if (kind, setting) in OFTEN else pytest.mark.thorough
    )
    for kind in EXPLAINERS
    for setting in SETTINGS
    if (kind in KINDS or setting in ("float16", "bfloat16"))
    and (kind == "explainer" or setting != "float16 xla")
]


@pytest.fixture
def policy():
    yield keras.config.set_dtype_policy
    keras.config.set_dtype_policy("float32")


def trained(kind, options, weights=None):
    """Returns masks and probabilities as initialised, the losses, and the explainer."""
    keras.utils.set_random_seed(0)
    explainer = EXPLAINERS[kind](tiny_classifier())
    if weights is not None:
        explainer.set_weights(weights)
    start = explainer.get_weights()
    if kind == "explainer":
        # Other numbers are other pictures.
        options = {**options, "composites": 0.0, "crops": 0.0}
    explainer.compile(keras.optimizers.SGD(0.01), **options)
    answers = explainer.predict(IMAGES, verbose=0)
    history = explainer.fit(
        IMAGES, LABELS, batch_size=8, epochs=2, shuffle=False, verbose=0
    ).history
    return start, answers, np.array(history["loss"]), explainer


@pytest.fixture(scope="module")
def in_float32():
    known = {}

    def reference(kind):
        if kind not in known:
            known[kind] = trained(kind, {"jit_compile": False})
        return known[kind]

    return reference


@pytest.mark.parametrize("kind, setting", CASES)
def test_masks_and_training_agree_with_float32(kind, setting, policy, in_float32):
    start, expected, losses, reference = in_float32(kind)
    name, options, tolerance = SETTINGS[setting]
    policy(name)
    _, found, found_losses, explainer = trained(kind, options, start)
    for key in ("coarse_masks", "probabilities"):
        assert found[key].dtype == "float32"
        assert np.abs(found[key] - expected[key]).mean() < tolerance
    if kind in DRAW and "jit_compile" in options:
        tolerance = OTHER_DRAWS
    np.testing.assert_allclose(found_losses, losses, rtol=3 * tolerance, atol=tolerance)
    scales = isinstance(explainer.optimizer, keras.optimizers.LossScaleOptimizer)
    assert scales == (name == "mixed_float16")
    assert int(explainer.optimizer.iterations) == 2  # No step was left out.
    for one, other in zip(
        explainer.trainable_variables, reference.trainable_variables, strict=True
    ):
        assert one.dtype == "float32"
        np.testing.assert_allclose(one, other, atol=tolerance)
    explanation = explainer.explain(IMAGES, top_k=2)
    assert explanation.masks.dtype == "float32"
    assert np.isfinite(explanation.masks).all()


def test_contrast_agrees_under_xla_where_nothing_is_drawn():
    options = {"augmentation": 0.0, "jit_compile": False}
    start, _, losses, reference = trained("explainer", options)
    options["jit_compile"] = True
    _, _, found, explainer = trained("explainer", options, start)
    assert explainer.explainer_loss.contrast_weight > 0
    np.testing.assert_allclose(found, losses, rtol=1e-3)
    for one, other in zip(
        explainer.trainable_variables, reference.trainable_variables, strict=True
    ):
        np.testing.assert_allclose(one, other, atol=1e-3)
