"""The classifiers that other tests rely on know their pictures."""

import numpy as np
import pytest
import trained


@pytest.mark.parametrize(
    "kind",
    [
        pytest.param(kind, marks=() if kind == "softmax" else pytest.mark.slow)
        for kind in trained.KINDS
    ],
)
def test_classifiers_know_the_color_of_a_patch(trained_classifier, kind):
    classifier = trained_classifier(kind)
    images, labels, truth = trained.patches(64, kind, seed=5)
    scores = classifier.predict(images, verbose=0)
    if kind in ("softmax", "logits", "transformer"):
        np.testing.assert_array_equal(scores.argmax(axis=1), labels)
    else:
        np.testing.assert_array_equal(scores > 0.5, labels.reshape(scores.shape))
    # A color is seen where its patch is, and nowhere else.
    hidden = np.where(truth.max(axis=-1, keepdims=True) > 0, 0.5, images)
    scores = classifier.predict(hidden, verbose=0)
    if kind == "softmax":
        assert scores.max() < 0.8
    elif kind == "sigmoid":
        assert scores.max() < 0.2
