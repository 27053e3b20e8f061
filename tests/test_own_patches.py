"""Every explainer and method shows the patch that makes the class, and no other.

On classifiers that know their pictures (see `trained.py`), where the right mask of a
class is known pixel by pixel. Random networks on noise would pass with any mask.
"""

import functools

import numpy as np
import pytest
import trained

from keras_explainer import attribution
from keras_explainer.metrics import roc_auc

# Kind of explainer: the least mean over images of what share of a mask lies on its own
# patch (14 % of a picture).
LEAST_SHARES = {
    "explainer": 0.7,
    "discrete_mask": 0.5,
    "real_time_saliency": 0.35,
    "bounded_logit_attention": 0.6,
    "l2x": 0.5,
}
# These show why the classifier gave its answer, the same for every class asked for.
OF_THE_ANSWER = ("bounded_logit_attention", "l2x")
# Method: how it is made, and the least area under the curve of its maps.
METHODS = {
    "grad_cam": (attribution.GradCAM, 0.9),
    "guided_backprop": (attribution.GuidedBackprop, 0.75),
    "integrated_gradients": (attribution.IntegratedGradients, 0.9),
    "smooth_grad": (functools.partial(attribution.SmoothGrad, samples=10), 0.7),
    "rise": (functools.partial(attribution.RISE, num_masks=1000), 0.6),
    "extremal_perturbation": (
        # A blur of 20 pixels leaves the color of a patch of 12.
        functools.partial(attribution.ExtremalPerturbation, steps=100),
        0.6,
    ),
    "igos_plus_plus": (attribution.IGOSPlusPlus, 0.6),
}


def maps_of(explainer, images, classes):
    """Returns the maps (N, H, W) of one class of each image."""
    explanation = explainer.explain(images, targets=[int(c) for c in classes])
    masks = getattr(explanation, "masks", None)
    return np.asarray(explanation) if masks is None else masks[..., 0]


@pytest.mark.slow
@pytest.mark.parametrize("name", LEAST_SHARES)
def test_explainers_learn_where_the_patch_is(trained_explainer, name):
    explainer = trained_explainer(name)
    images, labels, truth = trained.patches(32, seed=5)
    own = maps_of(explainer, images, labels)
    patch = np.take_along_axis(truth, labels[:, None, None, None], axis=-1)[..., 0]
    shares = [trained.share_on_own_patch(m, t) for m, t in zip(own, patch)]
    assert np.mean(shares) > LEAST_SHARES[name]
    assert own.mean() < 0.5
    if name not in OF_THE_ANSWER:
        other = maps_of(explainer, images, (labels + 1) % 3)
        assert other.mean() < 0.05


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(name, marks=[] if name == "grad_cam" else pytest.mark.slow)
        for name in METHODS
    ],
)
def test_methods_find_the_patch(trained_classifier, name):
    make, least = METHODS[name]
    method = make(trained_classifier())
    images, labels, truth = trained.patches(6, seed=5)
    patch = truth.max(axis=-1)
    own = maps_of(method, images, labels)
    areas = [roc_auc(t[None], m[None]) for m, t in zip(own, patch)]
    assert np.mean(areas) > least
    other = maps_of(method, images, (labels + 1) % 3)
    inside = (patch * (own - other)).sum(axis=(1, 2)) / patch.sum(axis=(1, 2))
    assert np.mean(inside) > 0 and np.mean(inside > 0) > 0.6
