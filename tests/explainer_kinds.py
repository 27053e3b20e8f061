"""Every kind of explainer, for tests of what all of them keep to."""

import functools

import pytest

import keras_explainer as kx

EXPLAINERS = {
    "explainer": kx.ExplainerModel,
    "discrete_mask": functools.partial(kx.DiscreteMaskExplainer, grid=8),
    "discrete_mask_published": functools.partial(
        kx.DiscreteMaskExplainer, grid=8, estimator="published"
    ),
    "real_time_saliency": kx.RealTimeSaliencyExplainer,
    "l2x": functools.partial(kx.L2XExplainer, grid=4),
    "bla-ph": kx.BoundedLogitAttentionExplainer,
    **{
        variant: functools.partial(kx.BoundedLogitAttentionExplainer, variant=variant)
        for variant in ("bla", "bla-t", "l2x-f")
    },
}
KINDS = ("explainer", "discrete_mask", "real_time_saliency", "l2x", "bla-ph")
OTHERS = tuple(name for name in EXPLAINERS if name not in KINDS)


def graded(quick=(), slow=(), thorough=()):
    """Returns parameters for names of explainers, marked as the arguments say."""
    marked = [(quick, ()), (slow, pytest.mark.slow), (thorough, pytest.mark.thorough)]
    return [
        pytest.param(EXPLAINERS[name], marks=marks, id=name)
        for names, marks in marked
        for name in names
    ]


# What a kind does in its own way is shown of each; of the variants before a release.
every_kind = pytest.mark.parametrize(
    "make", graded(("explainer",), KINDS[1:], thorough=OTHERS)
)
# What all inherit is shown of one; of the others before a release.
any_kind = pytest.mark.parametrize("make", graded(("explainer",), thorough=KINDS[1:]))
