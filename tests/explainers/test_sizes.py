"""Masks find the patch whatever the size of the image.

In a picture put side by side with itself, and cut to a size, each patch still is a
reason. See `trained.py`.
"""

import numpy as np
import pytest
import trained

pytestmark = pytest.mark.slow  # Each trains an explainer, or waits for one.
# What share of a mask lies on a patch, at least, in sizes that are open: ten epochs.
OPEN = {
    "explainer": 0.5,
    "discrete_mask": 0.4,
    "real_time_saliency": 0.2,
    "bounded_logit_attention": 0.4,
    "l2x": 0.3,
}
# Of these the masks of all classes are alike.
OF_THE_ANSWER = ("bounded_logit_attention", "l2x")


def side_by_side(size, count=16):
    """Returns images (N, size, size, 3), their labels, and the true masks of these."""
    images, labels, truth = trained.patches(count, seed=5)
    truth = np.take_along_axis(truth, labels[:, None, None, None], axis=-1)[..., 0]
    times = -(-size // trained.SIZE)
    images = np.tile(images, (1, times, times, 1))[:, :size, :size]
    return images, labels, np.tile(truth, (1, times, times))[:, :size, :size]


def of_size(size, trained_classifier, name):
    """Returns an untrained explainer of the trained classifier, at another size."""
    classifier = trained.build("softmax", size)
    classifier.set_weights(trained_classifier().get_weights())
    return trained.EXPLAINERS[name](classifier)


def assert_finds_patches(explainer, name, size, least):
    images, labels, truth = side_by_side(size)
    own = explainer.explain(images, targets=[int(label) for label in labels])
    np.testing.assert_array_equal(own.probabilities.argmax(axis=1), labels)
    shares = map(trained.share_on_own_patch, own.masks[..., 0], truth)
    assert np.mean(list(shares)) > least
    if name not in OF_THE_ANSWER:
        others = [int(label + 1) % 3 for label in labels]
        other = explainer.explain(images, targets=others).masks
        assert other.mean() < own.masks.mean() / 3


@pytest.mark.parametrize(
    "name, size",
    [*((name, 33) for name in trained.EXPLAINERS), ("explainer", 75)],
)
def test_a_size_that_does_not_divide(trained_classifier, trained_explainer, name, size):
    explainer = of_size(size, trained_classifier, name)
    explainer.set_weights(trained_explainer(name).get_weights())
    assert_finds_patches(explainer, name, size, least=0.35)


@pytest.mark.parametrize(
    "name",
    [
        *("explainer", "discrete_mask"),
        *(pytest.param(name, marks=pytest.mark.thorough) for name in [*OPEN][2:]),
    ],
)
def test_trained_in_one_size_and_asked_in_another(trained_classifier, name):
    explainer = of_size(None, trained_classifier, name)
    images, labels, _ = trained.patches(128, seed=7)
    explainer.fit(images, labels, batch_size=32, epochs=10, verbose=0)
    assert_finds_patches(explainer, name, 64, least=OPEN[name])
