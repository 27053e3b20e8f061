"""Every kind of explainer is served with the same signatures and answers."""

import functools

import numpy as np
import pytest
import tensorflow as tf
from conftest import tiny_classifier
from exported import preprocessed
from exported import raw_images

import keras_explainer as kx

pytestmark = pytest.mark.slow  # many traces

SYSTEMS = {
    "discrete_mask": functools.partial(kx.DiscreteMaskExplainer, grid=8),
    "bounded_logit_attention": kx.BoundedLogitAttentionExplainer,
    "real_time_saliency": kx.RealTimeSaliencyExplainer,
    "l2x": functools.partial(kx.L2XExplainer, grid=4),
}


def systems(often):
    """Parametrizes by the kinds; their exports are traced alike, by one function."""
    return pytest.mark.parametrize(
        "system",
        [
            pytest.param(name, marks=() if name in often else pytest.mark.thorough)
            for name in SYSTEMS
        ],
    )


def make(system):
    return SYSTEMS[system](tiny_classifier(classes=5), preprocess_input="mobilenet")


@systems(often=("discrete_mask", "real_time_saliency"))
def test_saved_model_answers_as_explain(system, tmp_path):
    explainer = make(system)
    path = explainer.export(tmp_path / "1", top_k=2, mask_size=32, max_batch_size=2)
    signatures = tf.saved_model.load(str(path)).signatures
    images = raw_images(2)
    expected = explainer.explain(preprocessed(images), top_k=2)
    answer = signatures["serving_default"](images=tf.constant(images))
    for name in ("classes", "scores", "probabilities"):
        np.testing.assert_allclose(answer[name], getattr(expected, name), atol=1e-4)
    # A pixel right on the outline of a hard mask may fall on either side.
    assert np.isclose(answer["masks"], expected.masks, atol=1e-3).mean() > 0.99
    found = signatures["explain_and_verify"](images=tf.constant(images))
    expected = explainer.explain(preprocessed(images), top_k=2, verify=True)
    for name in ("kept_scores", "removed_scores"):
        np.testing.assert_allclose(found[name], getattr(expected, name), atol=1e-4)
    one = signatures["explain_class"](
        images=tf.constant(images), targets=tf.constant([4, 0])
    )["masks"]
    masks = explainer.explain(preprocessed(images), targets=[4, 0]).masks[..., 0]
    assert np.isclose(one, masks, atol=1e-3).mean() > 0.99


@systems(often=("l2x",))
def test_litert_answers_as_explain(system, tmp_path):
    litert = pytest.importorskip("ai_edge_litert.interpreter")
    explainer = make(system)
    path = explainer.export(
        tmp_path / "tiny.tflite", format="litert", top_k=2, mask_size=32
    )
    runner = litert.Interpreter(model_path=str(path)).get_signature_runner()
    images = raw_images(2)
    expected = explainer.explain(preprocessed(images), top_k=2)
    answer = runner(images=images)
    np.testing.assert_allclose(answer["scores"], expected.scores, atol=1e-4)
    assert np.isclose(answer["masks"], expected.masks, atol=1e-3).mean() > 0.99
